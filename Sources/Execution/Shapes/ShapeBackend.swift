import Operations
import Quantization
import Synchronization
import Tensors

/// A value of which only type and shape are known.
struct ShapeValue: BackendValue, Hashable {
  var elementType: ElementType
  var shape: [Int]
}

/// A value was asked for where only its shape is known.
struct ValueUnknown: Error {}

/// A backend that computes shapes only, and counts what a real one would multiply.
///
/// The executor's own checks run on it as they do on any backend, so what it finds is what a run
/// would find.
final class ShapeBackend: Backend {
  typealias Value = ShapeValue

  private let multiplications = Mutex(0)

  var name: String { "shapes" }

  /// Multiply-accumulate operations counted so far.
  var multiplicationCount: Int { multiplications.withLock { $0 } }

  func count(_ factors: Int...) {
    let product = Shapes.count(factors) ?? 0
    multiplications.withLock { $0 += product }
  }

  func upload(_ tensor: Tensor) -> ShapeValue {
    ShapeValue(elementType: tensor.elementType, shape: tensor.shape)
  }

  func download(_ value: ShapeValue) throws -> Tensor { throw ValueUnknown() }

  func reshape(_ value: ShapeValue, to shape: [Int]) -> ShapeValue {
    ShapeValue(elementType: value.elementType, shape: shape)
  }

  // MARK: Element by element

  func map(_ function: UnaryFunction, _ x: ShapeValue) -> ShapeValue {
    switch function {
    case .isNaN, .isInfinite: ShapeValue(elementType: .bool, shape: x.shape)
    default: x
    }
  }

  func combine(_ function: BinaryFunction, _ a: ShapeValue, _ b: ShapeValue) -> ShapeValue {
    let type: ElementType =
      switch function {
      case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: .bool
      default: a.elementType
      }
    return ShapeValue(elementType: type, shape: broadcastShape(a.shape, b.shape))
  }

  func select(_ condition: ShapeValue, _ a: ShapeValue, _ b: ShapeValue) -> ShapeValue {
    let shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape))
    return ShapeValue(elementType: a.elementType, shape: shape)
  }

  private func broadcastShape(_ a: [Int], _ b: [Int]) -> [Int] {
    guard let shape = Shapes.broadcast(a, b) else {
      preconditionFailure("\(a) and \(b) do not broadcast")
    }
    return shape
  }

  func cast(_ x: ShapeValue, to elementType: ElementType) -> ShapeValue {
    ShapeValue(elementType: elementType, shape: x.shape)
  }

  // MARK: Moving elements

  func transpose(_ x: ShapeValue, _ permutation: [Int]) -> ShapeValue {
    reshape(x, to: permutation.map { x.shape[$0] })
  }

  func slice(_ x: ShapeValue, starts: [Int], steps: [Int], extents: [Int]) -> ShapeValue {
    reshape(x, to: extents)
  }

  func pad(_ x: ShapeValue, _ padding: Padding) -> ShapeValue {
    reshape(x, to: x.shape.indices.map { x.shape[$0] + padding.before[$0] + padding.after[$0] })
  }

  func concatenate(_ values: [ShapeValue], axis: Int) -> ShapeValue {
    var result = values[0]
    result.shape[axis] = values.reduce(0) { $0 + $1.shape[axis] }
    return result
  }

  func gather(_ x: ShapeValue, indices: ShapeValue, axis: Int) -> ShapeValue {
    reshape(x, to: Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...]))
  }

  func broadcast(_ x: ShapeValue, to shape: [Int]) -> ShapeValue { reshape(x, to: shape) }

  func resize(_ x: ShapeValue, _ resampling: Resampling) -> ShapeValue {
    reshape(x, to: resampling.extents)
  }

  // MARK: Reductions

  func reduce(_ function: Reduction, _ x: ShapeValue, axes: [Int]) -> ShapeValue {
    reshape(x, to: x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] })
  }

  func softmax(_ x: ShapeValue, axis: Int, logarithm: Bool) -> ShapeValue { x }

  func normalize(_ x: ShapeValue, axes: [Int], epsilon: Float) -> ShapeValue { x }

  // MARK: Products

  func matrixMultiply(_ a: ShapeValue, _ b: ShapeValue) -> ShapeValue {
    let leading = broadcastShape(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
    let shape = leading + [a.shape[a.rank - 2], b.shape[b.rank - 1]]
    count(shape.reduce(1, *), a.shape[a.rank - 1])
    return ShapeValue(elementType: a.elementType, shape: shape)
  }

  func convolve(
    _ x: ShapeValue, weights: ShapeValue, bias: ShapeValue?, _ convolution: Convolution
  ) -> ShapeValue {
    let window = convolution.window
    let spatial = window.kernel.indices.map { window.outputExtent(x.shape[$0 + 2], axis: $0) }
    let shape = [x.shape[0], weights.shape[0]] + spatial
    count(shape.reduce(1, *), weights.shape[1...].reduce(1, *))
    return ShapeValue(elementType: x.elementType, shape: shape)
  }

  func convolveTransposed(
    _ x: ShapeValue, weights: ShapeValue, bias: ShapeValue?, _ convolution: TransposedConvolution
  ) -> ShapeValue {
    count(x.count, weights.shape[1...].reduce(1, *))
    let filters = weights.shape[1] * convolution.groups
    return reshape(x, to: [x.shape[0], filters] + convolution.outputExtents)
  }

  func pool(_ x: ShapeValue, _ pooling: Pooling) -> ShapeValue {
    reshape(x, to: Array(x.shape[..<2]) + pooling.outputExtents)
  }

  func localResponseNormalize(
    _ x: ShapeValue, size: Int, alpha: Float, beta: Float, bias: Float
  ) -> ShapeValue { x }

  // MARK: Quantization

  func quantize(
    _ x: ShapeValue, scale: ShapeValue, zeroPoint: ShapeValue?, layout: QuantizationLayout,
    to: ElementType
  ) -> ShapeValue {
    ShapeValue(elementType: to, shape: x.shape)
  }

  func dequantize(
    _ x: ShapeValue, scale: ShapeValue, zeroPoint: ShapeValue?, layout: QuantizationLayout
  ) -> ShapeValue {
    ShapeValue(elementType: scale.elementType, shape: x.shape)
  }

  func convolveCodes(
    _ x: ShapeValue, zeroPoint: ShapeValue?, weights: ShapeValue, weightsZeroPoint: ShapeValue?,
    _ convolution: Convolution
  ) -> ShapeValue {
    cast(convolve(x, weights: weights, bias: nil, convolution), to: .int32)
  }

  func matrixMultiplyCodes(
    _ a: ShapeValue, zeroPoint aZeroPoint: ShapeValue?, _ b: ShapeValue,
    zeroPoint bZeroPoint: ShapeValue?
  ) -> ShapeValue {
    cast(matrixMultiply(a, b), to: .int32)
  }

  func requantize(
    _ accumulator: ShapeValue, bias: ShapeValue?, multiplier: ShapeValue, zeroPoint: ShapeValue,
    axis: Int, to: ElementType
  ) -> ShapeValue {
    ShapeValue(elementType: to, shape: accumulator.shape)
  }

  // MARK: What needs values

  func histogram(_ x: ShapeValue, layout: Histogram.Layout) throws -> Histogram {
    throw ValueUnknown()
  }

  func histograms(_ x: ShapeValue, axis: Int, layout: Histogram.Layout) throws -> [Histogram] {
    throw ValueUnknown()
  }

  func searchQuantizers(
    _ histograms: [Histogram], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    throw ValueUnknown()
  }

  func searchQuantizers(
    rows x: ShapeValue, levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    throw ValueUnknown()
  }

  func searchQuantizers(
    _ x: ShapeValue, rowEnds: [Int], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    throw ValueUnknown()
  }
}
