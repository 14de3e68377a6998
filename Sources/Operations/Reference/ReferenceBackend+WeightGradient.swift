public import Tensors

/// The one order in which every backend adds the products of a convolution's weight gradient.
///
/// Its products are numbered image by image and, within one, by the output in row-major order. They
/// are cut into runs of ``runLength``; a run's products are added as ``CanonicalProduct`` says, and
/// the runs' sums one after the other. A tap outside of the input counts as +0.
public enum WeightGradient {
  /// Products of a run: enough that a result of several runs costs little beside them.
  public static let runLength = 16 * CanonicalProduct.blockLength
}

extension ReferenceBackend {
  /// The derivative of a convolution's weights in the canonical order of ``WeightGradient``.
  public func convolutionWeightGradient(
    _ x: Tensor, _ dy: Tensor, _ convolution: Convolution
  ) -> Tensor {
    let shape = [dy.shape[1], x.shape[1] / convolution.groups] + convolution.window.kernel
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: shape)
    precondition(
      dy.shape == geometry.outputShape(rank: x.rank), "a derivative of shape \(dy.shape)")
    return Tensor(shape: shape) { (result: UnsafeMutableBufferPointer<Float>) in
      x.withElements(of: Float.self) { x in
        dy.withElements(of: Float.self) { dy in
          ReferenceWeightGradient(
            geometry: geometry, x: x.baseAddress!, dy: dy.baseAddress!,
            result: result.baseAddress!
          ).run()
        }
      }
    }
  }
}

/// The weights' gradient as products of matrices, a run each: the filters' derivatives by what each
/// weight multiplies.
private struct ReferenceWeightGradient {
  let geometry: ConvolutionGeometry
  /// `[N, groups * channels, input...]`
  let x: UnsafePointer<Float>
  /// `[N, groups * filters, output...]`
  let dy: UnsafePointer<Float>
  /// `[groups * filters, channels * taps]`
  let result: UnsafeMutablePointer<Float>

  private var pass: ConvolutionGeometry.Pass { geometry.passes[0] }
  /// Weights of a filter.
  private var weightCount: Int { geometry.channels * pass.taps.count }

  /// Computes the gradient, vectors of weights side by side.
  func run() {
    let laneCount = CanonicalProduct.laneCount
    let tiles = (weightCount + laneCount - 1) / laneCount
    concurrently(tiles * geometry.groups) { index in
      let first = index % tiles * laneCount
      runTile(first..<min(first + laneCount, weightCount), group: index / tiles)
    }
  }

  private func runTile(_ weights: Range<Int>, group: Int) {
    let productCount = geometry.batch * geometry.output.product
    let filters = result + group * geometry.filters * weightCount
    for start in stride(from: 0, to: max(productCount, 1), by: WeightGradient.runLength) {
      let run = start..<min(start + WeightGradient.runLength, productCount)
      rows(of: run, group: group).withUnsafeBufferPointer { rows in
        multiplyTile(
          ProductRows(
            elements: rows.baseAddress!, count: geometry.filters, depth: run.count),
          load: { block, columns in
            let products = block.lowerBound + start..<block.upperBound + start
            loadColumns(products, weights: weights, group: group, into: columns)
          },
          store: { row, sums in
            for (lane, weight) in weights.enumerated() {
              let at = row * weightCount + weight
              filters[at] = start == 0 ? sums[lane] : filters[at] + sums[lane]
            }
          })
      }
    }
  }

  /// The filters' derivatives `[filters, run]`; at least one element.
  private func rows(of run: Range<Int>, group: Int) -> [Float] {
    let plane = geometry.output.product
    var rows = [Float](repeating: 0, count: max(1, geometry.filters * run.count))
    for filter in 0..<geometry.filters {
      for product in run {
        let (image, output) = product.quotientAndRemainder(dividingBy: plane)
        let channel = (image * geometry.groups + group) * geometry.filters + filter
        rows[filter * run.count + product - run.lowerBound] = dy[channel * plane + output]
      }
    }
    return rows
  }

  /// What the weights multiply in some products.
  private func loadColumns(
    _ products: Range<Int>, weights: Range<Int>, group: Int,
    into columns: UnsafeMutablePointer<Float>
  ) {
    let laneCount = CanonicalProduct.laneCount
    let plane = geometry.input.product
    for product in products {
      let (image, output) = product.quotientAndRemainder(dividingBy: geometry.output.product)
      let origin = pass.origin &+ pass.count.coordinate(at: output) &* pass.stride
      let base = x + (image * geometry.groups + group) * geometry.channels * plane
      let column = columns + (product - products.lowerBound) * laneCount
      column.update(repeating: 0, count: laneCount)
      for (lane, weight) in weights.enumerated() {
        let (channel, tap) = weight.quotientAndRemainder(dividingBy: pass.taps.count)
        let source = origin &+ pass.taps[tap].offset
        guard geometry.input.contains(source) else { continue }
        column[lane] = base[channel * plane + geometry.input.index(of: source)]
      }
    }
  }
}
