/// Extents or coordinates along depth, height and width; spatial ranks below three have leading
/// extents of 1.
package typealias Spatial = SIMD3<Int>

/// A convolution or its transpose brought to three spatial axes and cut into passes.
package struct ConvolutionGeometry: Sendable, Hashable {
  /// Images.
  package var batch: Int
  /// Groups.
  package var groups: Int
  /// Input channels of a group.
  package var channels: Int
  /// Output channels of a group.
  package var filters: Int
  /// Extents of the input.
  package var input: Spatial
  /// Extents of the output.
  package var output: Spatial
  /// Elements of a kernel over its spatial axes.
  package var kernelCount: Int
  /// What has to be computed; together the passes write every output once.
  package var passes: [Pass]

  /// Outputs that are computed with the same taps.
  ///
  /// Output `first + q * step`, for q in 0..<count along every axis, reads for every tap the input at
  /// `origin + q * stride + tap.offset`; outside the input lies +0.
  package struct Pass: Sendable, Hashable {
    package var count: Spatial
    package var first: Spatial
    package var step: Spatial
    package var origin: Spatial
    package var stride: Spatial
    package var taps: [Tap]
  }

  /// An element of the kernel: its row-major index over the spatial axes and what it adds to the
  /// input coordinate.
  package struct Tap: Sendable, Hashable {
    package var index: Int
    package var offset: Spatial
  }
}

extension ConvolutionGeometry {
  /// The geometry of a convolution of `x` `[N, C, spatial...]` with `weights`
  /// `[M, C/groups, kernel...]`.
  package init(_ convolution: Convolution, x: [Int], weights: [Int]) {
    let window = convolution.window
    Self.check(x: x, weights: weights, window: window, groups: convolution.groups)
    precondition(
      x[1] == weights[1] * convolution.groups && weights[0].isMultiple(of: convolution.groups),
      "\(convolution.groups) groups do not cut \(x) and \(weights)")
    let extents = window.kernel.indices.map { window.outputExtent(x[$0 + 2], axis: $0) }
    let dilations = Spatial(lifting: window.dilations, filler: 1)
    let taps = Spatial(lifting: window.kernel, filler: 1).coordinates.enumerated().map {
      Tap(index: $0, offset: $1 &* dilations)
    }
    let output = Spatial(lifting: extents, filler: 1)
    self.init(
      batch: x[0], groups: convolution.groups, channels: weights[1],
      filters: weights[0] / convolution.groups, input: Spatial(lifting: x[2...], filler: 1),
      output: output, kernelCount: taps.count,
      passes: [
        Pass(
          count: output, first: .zero, step: .one,
          origin: .zero &- Spatial(lifting: window.padBefore, filler: 0),
          stride: Spatial(lifting: window.strides, filler: 1), taps: taps)
      ])
  }

  /// The geometry of a transposed convolution of `x` `[N, C, spatial...]` with `weights`
  /// `[C, M/groups, kernel...]`.
  ///
  /// Along an axis, output `o` meets the taps `k` for which `o + pad - k * dilation` is a multiple of
  /// the stride. They are the same for all outputs with the same remainder, which make up a pass.
  package init(_ convolution: TransposedConvolution, x: [Int], weights: [Int]) {
    let window = convolution.window
    Self.check(x: x, weights: weights, window: window, groups: convolution.groups)
    precondition(
      x[1] == weights[0] && x[1].isMultiple(of: convolution.groups),
      "\(convolution.groups) groups do not cut \(x) and \(weights)")
    let output = Spatial(lifting: convolution.outputExtents, filler: 1)
    let strides = Spatial(lifting: window.strides, filler: 1)
    let dilations = Spatial(lifting: window.dilations, filler: 1)
    let pads = Spatial(lifting: window.padBefore, filler: 0)
    let kernel = Spatial(lifting: window.kernel, filler: 1).coordinates
    let passes = strides.coordinates.compactMap { first -> Pass? in
      let count = (output &- first &+ strides &- .one) / strides
      guard (count .> .zero) == SIMDMask(repeating: true) else { return nil }
      let taps = kernel.enumerated().compactMap { index, tap -> Tap? in
        let distance = first &+ pads &- tap &* dilations
        guard distance % strides == .zero else { return nil }
        return Tap(index: index, offset: distance / strides)
      }
      return Pass(
        count: count, first: first, step: strides, origin: .zero, stride: .one, taps: taps)
    }
    self.init(
      batch: x[0], groups: convolution.groups, channels: x[1] / convolution.groups,
      filters: weights[1], input: Spatial(lifting: x[2...], filler: 1), output: output,
      kernelCount: kernel.count, passes: passes)
  }

  /// The shape of the output, with the spatial rank of `x`.
  package func outputShape(rank: Int) -> [Int] {
    let spatial = [output.x, output.y, output.z].suffix(rank - 2)
    return [batch, filters * groups] + spatial
  }

  private static func check(x: [Int], weights: [Int], window: Window, groups: Int) {
    precondition((3...5).contains(x.count), "1 to 3 spatial axes are supported, not \(x)")
    precondition(x.count == weights.count, "ranks of \(x) and \(weights) differ")
    precondition(window.kernel == Array(weights[2...]), "\(window.kernel) is not \(weights)")
    precondition(groups > 0, "\(groups) groups")
  }
}

extension SIMD3<Int> {
  static var one: Self { Self(repeating: 1) }

  /// Up to three extents, with `filler` in front.
  init(lifting extents: some Collection<Int>, filler: Int) {
    let missing = Array(repeating: filler, count: 3 - extents.count)
    self.init(missing + extents)
  }

  /// The product of the extents.
  package var product: Int { x * y * z }

  /// All coordinates within the extents, in row-major order.
  package var coordinates: [Self] { (0..<Swift.max(product, 0)).map(coordinate(at:)) }

  /// The coordinate at a row-major index.
  package func coordinate(at index: Int) -> Self {
    Self(index / (y * z), index / z % y, index % z)
  }

  /// The row-major index of a coordinate.
  package func index(of coordinate: Self) -> Int {
    (coordinate.x * y + coordinate.y) * z + coordinate.z
  }

  /// Whether a coordinate lies within the extents.
  package func contains(_ coordinate: Self) -> Bool {
    (0..<x).contains(coordinate.x) && (0..<y).contains(coordinate.y)
      && (0..<z).contains(coordinate.z)
  }
}
