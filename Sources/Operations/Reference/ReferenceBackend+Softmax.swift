import CElementary
public import Tensors

extension ReferenceBackend {
  /// `exp(x - max) / sum(exp(x - max))` over one axis, or its logarithm, `(x - max) - log(sum)`.
  ///
  /// The sum has the order of `CanonicalSum`; the maximum of a row with a NaN is a NaN. 16-bit
  /// floating point is computed in `float32` and rounded once; `float64` in `float64`.
  public func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor {
    alongLastAxes(x, axes: [axis]) { rows, extent in
      rows.elementType == .float64
        ? softmaxRows(rows, extent, logarithm, Double.self)
        : softmaxRows(rows, extent, logarithm, Float.self)
    }
  }

  /// `(x - mean) * (1 / sqrt(variance + epsilon))` over `axes` together.
  ///
  /// `mean` is the sum of `CanonicalSum` divided by the count; `variance` the sum of
  /// `(x - mean)^2`, added with `fma` in the same order, divided by the count. Square root and
  /// divisions are correctly rounded.
  public func normalize(_ x: Tensor, axes: [Int], epsilon: Float) -> Tensor {
    alongLastAxes(x, axes: axes) { rows, extent in
      rows.elementType == .float64
        ? normalizeRows(rows, extent, Double(epsilon)) : normalizeRows(rows, extent, epsilon)
    }
  }

  /// `body` of `x` with `axes` moved to the end, as rows of `extent`, moved back again.
  private func alongLastAxes(
    _ x: Tensor, axes: [Int], _ body: (_ rows: Tensor, _ extent: Int) -> Tensor
  ) -> Tensor {
    precondition(x.elementType.isFloatingPoint, "\(x.elementType) is not floating point")
    let order =
      x.shape.indices.filter { !axes.contains($0) } + x.shape.indices.filter { axes.contains($0) }
    let extent = axes.reduce(1) { $0 * x.shape[$1] }
    let result = body(transpose(x.widened(), order), extent)
    var inverse = order
    for (position, axis) in order.enumerated() { inverse[axis] = position }
    return transpose(result, inverse).narrowed(to: x.elementType)
  }

  private func softmaxRows<Scalar: RowFloat>(
    _ rows: Tensor, _ extent: Int, _ logarithm: Bool, _: Scalar.Type
  ) -> Tensor {
    eachRow(rows, extent) { (x: UnsafePointer<Scalar>, y: UnsafeMutablePointer<Scalar>) in
      let top = maximum(x, extent)
      Scalar.exponentials(x, minus: top, to: y, count: extent)
      let sum = CanonicalSum.sum(extent) { y[$0] }
      if logarithm {
        let logarithm = Scalar.logarithm(sum)
        for i in 0..<extent { y[i] = (x[i] - top) - logarithm }
      } else {
        for i in 0..<extent { y[i] /= sum }
      }
    }
  }

  private func normalizeRows<Scalar: RowFloat>(
    _ rows: Tensor, _ extent: Int, _ epsilon: Scalar
  ) -> Tensor {
    eachRow(rows, extent) { (x: UnsafePointer<Scalar>, y: UnsafeMutablePointer<Scalar>) in
      let mean = CanonicalSum.sum(extent) { x[$0] } / Scalar(extent)
      for i in 0..<extent { y[i] = x[i] - mean }
      let squares: Scalar = CanonicalSum.accumulate(extent) { $0.addingProduct(y[$1], y[$1]) }
      let factor = 1 / (squares / Scalar(extent) + epsilon).squareRoot()
      for i in 0..<extent { y[i] *= factor }
    }
  }

  private func eachRow<Scalar: RowFloat>(
    _ rows: Tensor, _ extent: Int,
    _ body: (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>) -> Void
  ) -> Tensor {
    Tensor(rows.elementType, shape: rows.shape) { memory in
      guard extent > 0 else { return }
      let to = memory.assumingMemoryBound(to: Scalar.self)
      rows.withPointer(to: Scalar.self) { from in
        concurrentRanges(rows.count / extent, grain: max(1, elementGrain / 8 / extent)) { range in
          for row in range { body(from + row * extent, to + row * extent) }
        }
      }
    }
  }
}

/// The floating-point types of softmax.
private protocol RowFloat: ReducibleFloat {
  /// `to[i] = exp(from[i] - subtrahend)`
  static func exponentials(
    _ from: UnsafePointer<Self>, minus subtrahend: Self, to: UnsafeMutablePointer<Self>, count: Int)
}

extension Float: RowFloat {
  static func exponentials(
    _ from: UnsafePointer<Float>, minus subtrahend: Float, to: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    ce_exponential_difference_row(from, subtrahend, to, count)
  }
}

extension Double: RowFloat {
  static func exponentials(
    _ from: UnsafePointer<Double>, minus subtrahend: Double, to: UnsafeMutablePointer<Double>,
    count: Int
  ) {
    for i in 0..<count { to[i] = exponential(from[i] - subtrahend) }
  }
}
