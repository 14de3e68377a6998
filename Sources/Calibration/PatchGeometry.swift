/// How the filters of a layer meet a value. What a filter sees at one position is a patch: for every
/// channel the taps of its kernel.
public struct PatchGeometry: Sendable, Hashable {
  /// What lies around the value.
  public enum Border: Sendable, Hashable {
    /// Zeros, as many before the first element along every spatial dimension as said.
    case zeros(before: [Int], after: [Int])
    /// Zeros, as ONNX's `SAME_UPPER` and `SAME_LOWER` have them: as many positions as elements over
    /// stride, an odd zero after the last element or before the first.
    case same(oddZeroFirst: Bool)
  }

  /// Where the value has its channels.
  public var channelAxis: ChannelAxis
  /// Extents of the kernel along the spatial dimensions; empty where a patch is what lies at one
  /// position, as in products of matrices.
  public var kernel: [Int]
  /// Distance between neighbouring patches, along every spatial dimension.
  public var strides: [Int]
  /// Distance between neighbouring taps.
  public var dilations: [Int]
  /// What lies around the value.
  public var border: Border
  /// Groups that channels are cut into; a filter sees one.
  public var groups: Int

  /// Patches of single positions, over all channels.
  public init(points axis: ChannelAxis, groups: Int = 1) {
    self.init(
      axis, kernel: [], strides: [], dilations: [], border: .zeros(before: [], after: []),
      groups: groups)
  }

  /// Patches of a convolution over a value `[N, C, spatial...]`; strides and dilations have the rank of
  /// the kernel.
  public init(kernel: [Int], strides: [Int], dilations: [Int], border: Border, groups: Int) {
    precondition(strides.count == kernel.count && dilations.count == kernel.count)
    self.init(
      .second, kernel: kernel, strides: strides, dilations: dilations, border: border,
      groups: groups)
  }

  private init(
    _ channelAxis: ChannelAxis, kernel: [Int], strides: [Int], dilations: [Int], border: Border,
    groups: Int
  ) {
    self.channelAxis = channelAxis
    self.kernel = kernel
    self.strides = strides
    self.dilations = dilations
    self.border = border
    self.groups = groups
  }

  /// Elements of a kernel.
  public var taps: Int { kernel.reduce(1, *) }

  /// Patches that are looked at in one sample. A thousand patches over all samples tell scales apart as
  /// well as all of them; where elements are many they cost as much as the layer itself.
  static func patchLimit(elements: Int) -> Int { min(max((1 << 13) / max(elements, 1), 8), 32) }

  /// Where the taps of the patches of one sample lie in a value of some spatial shape: for every patch
  /// that is looked at and every tap a row-major index, `nil` on the border.
  ///
  /// Beyond `limit` patches, these are taken evenly and without a period: patch k is the one at the
  /// share `k / golden ratio`, less its whole part, of all.
  ///
  /// - Returns: Patch after patch; none where the kernel does not fit.
  package func places(in extents: [Int], limit: Int) -> [[Int?]] {
    guard !kernel.isEmpty else {
      return Self.chosen(of: extents.reduce(1, *), limit: limit).map { [$0] }
    }
    guard kernel.count == extents.count else { return [] }
    let zeros = extents.indices.map { leadingZeros(extents[$0], axis: $0) }
    let counts = extents.indices.map { patchCount(extents[$0], axis: $0) }
    let tapCoordinates = (0..<taps).map { Self.coordinates($0, in: kernel) }
    return Self.chosen(of: counts.reduce(1, *), limit: limit).map { patch in
      let corner = Self.coordinates(patch, in: counts)
      return tapCoordinates.map { tap in
        var place = 0
        for axis in extents.indices {
          let coordinate =
            corner[axis] * strides[axis] - zeros[axis] + tap[axis] * dilations[axis]
          guard (0..<extents[axis]).contains(coordinate) else { return nil }
          place = place * extents[axis] + coordinate
        }
        return place
      }
    }
  }

  private static func chosen(of count: Int, limit: Int) -> [Int] {
    guard count > limit else { return Array(0..<max(count, 0)) }
    return (1...limit).map {
      Int((UInt64($0) &* 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: UInt64(count)).high)
    }
  }

  private static func coordinates(_ index: Int, in extents: [Int]) -> [Int] {
    var rest = index
    var coordinates = extents
    for axis in extents.indices.reversed() {
      coordinates[axis] = rest % extents[axis]
      rest /= extents[axis]
    }
    return coordinates
  }

  private func covered(_ axis: Int) -> Int { dilations[axis] * (kernel[axis] - 1) + 1 }

  private func patchCount(_ extent: Int, axis: Int) -> Int {
    switch border {
    case .zeros(let before, let after):
      let free = extent + before[axis] + after[axis] - covered(axis)
      return free < 0 ? 0 : free / strides[axis] + 1
    case .same: return (extent + strides[axis] - 1) / strides[axis]
    }
  }

  private func leadingZeros(_ extent: Int, axis: Int) -> Int {
    switch border {
    case .zeros(let before, _): return before[axis]
    case .same(let oddZeroFirst):
      let total = max(
        (patchCount(extent, axis: axis) - 1) * strides[axis] + covered(axis) - extent, 0)
      return oddZeroFirst ? total - total / 2 : total / 2
    }
  }
}
