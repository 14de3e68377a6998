/// One pass of a convolution over the images of a batch; see ``ConvolutionGeometry``.
///
/// Outputs of a group are numbered image by image, row-major; a tile is `laneCount` neighbours, which
/// may belong to several images.
struct ReferenceConvolution<Element: ProductElement> {
  var geometry: ConvolutionGeometry
  var pass: ConvolutionGeometry.Pass
  /// `[N, groups * channels, input...]`
  var x: UnsafePointer<Element>
  /// `[groups * filters, channels * taps]`
  var weights: UnsafePointer<Element>
  /// `[groups * filters]`
  var bias: UnsafePointer<Element>?
  /// `[N, groups * filters, output...]`
  var y: UnsafeMutablePointer<Element>

  /// Computes the pass.
  func run() {
    let laneCount = CanonicalProduct.laneCount
    let outputCount = geometry.batch * pass.count.product
    let tiles = (outputCount + laneCount - 1) / laneCount
    concurrently(tiles * geometry.groups) { index in
      let first = index / geometry.groups * laneCount
      runTile(first..<min(first + laneCount, outputCount), group: index % geometry.groups)
    }
  }

  private func runTile(_ outputs: Range<Int>, group: Int) {
    let depth = geometry.channels * pass.taps.count
    let rows = ProductRows(
      elements: weights + group * geometry.filters * depth, count: geometry.filters, depth: depth)
    let sources = sourceIndices(outputs, group: group)
    let targets = targetIndices(outputs, group: group)
    let planeCount = geometry.output.product
    multiplyTile(
      rows,
      load: { block, columns in loadColumns(block, sources: sources, into: columns) },
      store: { row, sums in
        let offset = row * planeCount
        let addend = bias.map { $0[group * geometry.filters + row] }
        for (lane, target) in targets.enumerated() {
          y[target + offset] = addend.map { Element.sum(sums[lane], $0) } ?? sums[lane]
        }
      })
  }

  /// For every tap and lane the index of the element of the group's first channel, -1 on the border.
  private func sourceIndices(_ outputs: Range<Int>, group: Int) -> [Int] {
    let laneCount = CanonicalProduct.laneCount
    let imageCount = geometry.groups * geometry.channels * geometry.input.product
    var indices = [Int](repeating: -1, count: pass.taps.count * laneCount)
    for (lane, output) in outputs.enumerated() {
      let (image, position) = output.quotientAndRemainder(dividingBy: pass.count.product)
      let origin = pass.origin &+ pass.count.coordinate(at: position) &* pass.stride
      let base = image * imageCount + group * geometry.channels * geometry.input.product
      for (tap, offset) in pass.taps.lazy.map(\.offset).enumerated() {
        let source = origin &+ offset
        guard geometry.input.contains(source) else { continue }
        indices[tap * laneCount + lane] = base + geometry.input.index(of: source)
      }
    }
    return indices
  }

  /// For every lane the index of the output of the group's first filter.
  private func targetIndices(_ outputs: Range<Int>, group: Int) -> [Int] {
    let planeCount = geometry.output.product
    return outputs.map { output in
      let (image, position) = output.quotientAndRemainder(dividingBy: pass.count.product)
      let target = pass.first &+ pass.count.coordinate(at: position) &* pass.step
      return (image * geometry.groups + group) * geometry.filters * planeCount
        + geometry.output.index(of: target)
    }
  }

  private func loadColumns(
    _ block: Range<Int>, sources: [Int], into columns: UnsafeMutablePointer<Element>
  ) {
    let laneCount = CanonicalProduct.laneCount
    let planeCount = geometry.input.product
    sources.withUnsafeBufferPointer { sources in
      for k in block {
        let (channel, tap) = k.quotientAndRemainder(dividingBy: pass.taps.count)
        let plane = x + channel * planeCount
        let column = columns + (k - block.lowerBound) * laneCount
        for lane in 0..<laneCount {
          let source = sources[tap * laneCount + lane]
          column[lane] = source < 0 ? .zero : plane[source]
        }
      }
    }
  }
}
