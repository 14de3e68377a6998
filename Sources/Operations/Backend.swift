public import Quantization
public import Tensors

/// A place where tensors live and operations run: the CPU reference or an OpenCL device.
///
/// ``ReferenceBackend`` is the specification. Another backend returns equal integers and, because
/// floats are canonical too (one order of accumulation, `fma`, shared polynomials), equal floats;
/// see <doc:CanonicalFloats>. Operations are synchronous in meaning: an error is thrown by the call
/// that caused it or by a later ``download(_:)``.
///
/// Shapes are checked by `Execution` before an operation is called; a violated precondition traps.
public protocol Backend: AnyObject, Sendable {
  /// A tensor as the backend holds it.
  associatedtype Value: BackendValue

  /// What messages and reports call the backend, for example `reference` or the device's name.
  var name: String { get }

  // MARK: Memory

  /// Brings a tensor to the backend.
  func upload(_ tensor: Tensor) throws -> Value

  /// Waits for everything that `value` depends on and brings it back.
  func download(_ value: Value) throws -> Tensor

  /// The same elements under another shape of the same count; no copy.
  func reshape(_ value: Value, to shape: [Int]) throws -> Value

  // MARK: Element by element

  /// `function` of every element.
  func map(_ function: UnaryFunction, _ x: Value) throws -> Value

  /// `function` of every pair of elements, shapes broadcast as NumPy does.
  func combine(_ function: BinaryFunction, _ a: Value, _ b: Value) throws -> Value

  /// Elements of `a` where the `bool` tensor `condition` is true, of `b` elsewhere; broadcast.
  func select(_ condition: Value, _ a: Value, _ b: Value) throws -> Value

  /// Elements converted to another type. From floating point to an integer: towards zero; a value
  /// out of range or a NaN becomes what saturation gives (NaN: 0). To a narrower floating-point
  /// type: half to even.
  func cast(_ x: Value, to elementType: ElementType) throws -> Value

  // MARK: Moving elements

  /// Dimension `i` of the result is dimension `permutation[i]` of `x`.
  func transpose(_ x: Value, _ permutation: [Int]) throws -> Value

  /// Along every axis, `extents[i]` elements from `starts[i]` in steps of `steps[i]`, which may be
  /// negative.
  func slice(_ x: Value, starts: [Int], steps: [Int], extents: [Int]) throws -> Value

  /// `x` with a border; negative widths crop.
  func pad(_ x: Value, _ padding: Padding) throws -> Value

  /// The tensors one after the other along `axis`.
  func concatenate(_ values: [Value], axis: Int) throws -> Value

  /// Slices of `x` along `axis` at `indices` (`int64`, already in `0..<extent`); the result has the
  /// shape of `indices` in place of the axis.
  func gather(_ x: Value, indices: Value, axis: Int) throws -> Value

  /// `x` repeated to `shape` as NumPy broadcasts.
  func broadcast(_ x: Value, to shape: [Int]) throws -> Value

  /// `x` resampled to another extent along every axis.
  func resize(_ x: Value, _ resampling: Resampling) throws -> Value

  // MARK: Reductions

  /// `function` over `axes`, which keep extent 1 in the result.
  func reduce(_ function: Reduction, _ x: Value, axes: [Int]) throws -> Value

  /// `exp(x - max) / sum(exp(x - max))` over one axis, or its logarithm.
  func softmax(_ x: Value, axis: Int, logarithm: Bool) throws -> Value

  /// `(x - mean) / sqrt(variance + epsilon)` over `axes` together.
  func normalize(_ x: Value, axes: [Int], epsilon: Float) throws -> Value

  // MARK: Products

  /// Matrix product of the last two dimensions; leading dimensions broadcast.
  func matrixMultiply(_ a: Value, _ b: Value) throws -> Value

  /// Convolution of `x` `[N, C, spatial...]` with `weights` `[M, C/groups, kernel...]`, plus `bias`
  /// `[M]`.
  func convolve(
    _ x: Value, weights: Value, bias: Value?, _ convolution: Convolution
  ) throws -> Value

  /// The transpose of a convolution: `x` `[N, C, spatial...]`, `weights` `[C, M/groups, kernel...]`.
  func convolveTransposed(
    _ x: Value, weights: Value, bias: Value?, _ convolution: TransposedConvolution
  ) throws -> Value

  /// Maximum, average or Lp pooling of `x` `[N, C, spatial...]`.
  func pool(_ x: Value, _ pooling: Pooling) throws -> Value

  /// Local response normalization across channels.
  func localResponseNormalize(
    _ x: Value, size: Int, alpha: Float, beta: Float, bias: Float
  ) throws -> Value

  // MARK: Quantization

  /// ONNX's QuantizeLinear: `saturate(rint(x / scale) + zeroPoint)`.
  ///
  /// `scale` and `zeroPoint` are scalars, vectors along `axis`, or blocked along it. A NaN becomes
  /// the zero point. Codes are clipped to `elementType` and further to `codes` where given.
  func quantize(
    _ x: Value, scale: Value, zeroPoint: Value?, layout: QuantizationLayout, to: ElementType
  ) throws -> Value

  /// ONNX's DequantizeLinear: `(x - zeroPoint) * scale`.
  func dequantize(
    _ x: Value, scale: Value, zeroPoint: Value?, layout: QuantizationLayout
  ) throws -> Value

  /// Convolution of 8-bit codes in exact `int32`: the sum of `(x - xZeroPoint) * (w - wZeroPoint)`;
  /// a border counts as `xZeroPoint`. `weightsZeroPoint` is a scalar or `[M]`.
  func convolveCodes(
    _ x: Value, zeroPoint: Value?, weights: Value, weightsZeroPoint: Value?,
    _ convolution: Convolution
  ) throws -> Value

  /// Matrix product of 8-bit codes in exact `int32`, zero points subtracted; `bZeroPoint` is a scalar
  /// or one value a column, `aZeroPoint` a scalar or one value a row.
  func matrixMultiplyCodes(
    _ a: Value, zeroPoint aZeroPoint: Value?, _ b: Value, zeroPoint bZeroPoint: Value?
  ) throws -> Value

  /// `saturate(rint(Float(accumulator + bias) * multiplier) + zeroPoint)`: how ONNX Runtime turns
  /// `int32` sums into 8-bit codes. `multiplier` is a scalar or one value along `axis`; `bias`
  /// `[extent of axis]`.
  func requantize(
    _ accumulator: Value, bias: Value?, multiplier: Value, zeroPoint: Value, axis: Int,
    to: ElementType
  ) throws -> Value

  // MARK: Training

  /// The derivative `[M, C/groups, kernel...]` of a convolution's weights from its input `x`
  /// `[N, C, spatial...]` and the derivative `dy` `[N, M, spatial...]` of its result, both `float32`.
  func convolutionWeightGradient(
    _ x: Value, _ dy: Value, _ convolution: Convolution
  ) throws -> Value

  /// The derivative of a maximum pool of `float32` from that of its result, `dy`.
  func maximumPoolGradient(_ x: Value, _ dy: Value, _ pooling: Pooling) throws -> Value

  /// `x`, `float32`, as a quantizer of `levels` levels brings it back:
  /// `(clip(rint(x / scale) + zeroPoint, 0, levels - 1) - zeroPoint) * scale`. `scale` is `float32`,
  /// `zeroPoint` `int32`.
  func fakeQuantize(
    _ x: Value, scale: Value, zeroPoint: Value, layout: QuantizationLayout, levels: Int
  ) throws -> Value

  /// The derivative of ``fakeQuantize(_:scale:zeroPoint:layout:levels:)`` by the straight-through
  /// estimator: `dy` where `x` lies within the quantizer's range, else 0.
  func fakeQuantizeGradient(
    _ x: Value, scale: Value, zeroPoint: Value, dy: Value, layout: QuantizationLayout, levels: Int
  ) throws -> Value

  // MARK: Packed codes

  /// Codes `[N, C]`, `[N, C, W]` or `[N, C, H, W]` of 8-bit or narrower types, held a byte each, with
  /// channels last and `bits` bits a code; `zeroPoint` is that of `codes`.
  ///
  /// Every code must have its place in `bits` bits; what does not has an unspecified result.
  func packCodes(_ codes: Value, zeroPoint: Int, bits: Int) throws -> PackedCodes<Value>

  /// The codes of ``packCodes(_:zeroPoint:bits:)`` a byte each, channels second, as `shape`, which is
  /// `[N, C, H, W]` or one with as many elements in the same order.
  func unpackCodes(
    _ packed: PackedCodes<Value>, to elementType: ElementType, shape: [Int]
  ) throws -> Value

  /// Exact sums `int32` `[N, M, H, W]` of `(x - xZeroPoint) * (w - wZeroPoint)`, as
  /// ``convolveCodes(_:zeroPoint:weights:weightsZeroPoint:_:)`` of what `x` holds.
  func sumPacked(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution
  ) throws -> Value

  /// Two-dimensional convolution of packed codes into packed codes: the sums of
  /// ``sumPacked(_:weights:_:)`` and what `epilogue` makes of them, in one operation.
  func convolvePacked(
    _ x: PackedCodes<Value>, weights: CodedWeights<Value>, _ convolution: Convolution,
    _ epilogue: Epilogue<Value>
  ) throws -> PackedCodes<Value>

  /// 8-bit codes looked up: the result's byte is `table[byte]` for a table `uint8` `[256]`, and
  /// `table[channel, byte]` for one `[channels, 256]`, where `channel` is the index along `axis`. Past
  /// `channels`, where packed pixels have their padding, the result is 0.
  func mapCodes(
    _ x: Value, table: Value, to elementType: ElementType, axis: Int, channels: Int
  ) throws -> Value

  /// The sum or product of what packed 8-bit codes stand for, plus the zero point of `result` and
  /// clipped to its codes. `b` has the shape of `a`, or one pixel an image.
  func combinePacked(
    _ combination: CodeCombination, _ a: PackedCodes<Value>, _ b: PackedCodes<Value>,
    to result: CodeScaling
  ) throws -> PackedCodes<Value>

  /// Pooling of packed 8-bit codes into packed 8-bit codes.
  func poolPacked(_ x: PackedCodes<Value>, _ pooling: CodePooling) throws -> PackedCodes<Value>

  /// Packed 8-bit codes taken from `parts`, in other places; the first part's zero point.
  func movePacked(
    _ parts: [PackedCodes<Value>], _ movement: CodeMovement
  ) throws -> PackedCodes<Value>

  // MARK: Histograms

  /// Counts the `float32` elements of `x`; equal on every backend.
  func histogram(_ x: Value, layout: Histogram.Layout) throws -> Histogram

  /// Starts what ``histogram(_:layout:)`` does and returns before it is done, so that the device has
  /// the next operation when it is through with this one.
  func startHistogram(_ x: Value, layout: Histogram.Layout) throws -> PendingHistogram

  /// One histogram for every index of `axis`, in its order.
  func histograms(_ x: Value, axis: Int, layout: Histogram.Layout) throws -> [Histogram]

  // MARK: Search

  /// For every histogram, the quantizer of the least mean squared error that the search finds over
  /// scale and zero point together; equal on every backend. See <doc:ScaleSearch>.
  func searchQuantizers(
    _ histograms: [Histogram], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit]

  /// The same for every row of `x` `[rows, count]`, `float32`, finer than through histograms.
  func searchQuantizers(
    rows x: Value, levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit]

  /// The same for rows of any lengths, one after the other in `x`, each up to its place in `rowEnds`.
  func searchQuantizers(
    _ x: Value, rowEnds: [Int], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit]
}

/// A tensor as a backend holds it.
public protocol BackendValue: Sendable {
  /// What the elements are.
  var elementType: ElementType { get }
  /// The extent of every dimension.
  var shape: [Int] { get }
}

extension BackendValue {
  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// The number of dimensions.
  public var rank: Int { shape.count }
}

extension Tensor: BackendValue {}

/// A backend that has kernels for some operations and lets the reference do the others.
///
/// Every operation has a default that downloads the arguments, runs ``ReferenceBackend`` and uploads
/// the result; a backend overrides those that it has kernels for. `hostOperations` counts the
/// operations that took the detour, so that reports can say so.
public protocol HostFallback: Backend {
  /// Called with the operation's name whenever the reference runs it.
  func noteHostOperation(_ name: StaticString)
}
