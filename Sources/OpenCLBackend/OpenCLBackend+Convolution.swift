public import Operations
import Tensors

extension OpenCLBackend {
  /// Convolution of `float32` in the canonical order.
  public func convolve(
    _ x: Value, weights: Value, bias: Value?, _ convolution: Convolution
  ) throws -> Value {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    guard hasForm(geometry, x) else {
      return try onReference("convolve", x, weights, bias) {
        $0.convolve($1[0]!, weights: $1[1]!, bias: $1[2], convolution)
      }
    }
    return try run(
      geometry, x: x, xZeroPoint: nil, weights: weights, weightsZeroPoint: nil,
      packing: .ofConvolution(geometry), result: .float(bias: bias), to: .float32)
  }

  /// The transpose of a convolution of `float32` in the canonical order.
  public func convolveTransposed(
    _ x: Value, weights: Value, bias: Value?, _ convolution: TransposedConvolution
  ) throws -> Value {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    guard hasForm(geometry, x) else {
      return try onReference("convolveTransposed", x, weights, bias) {
        $0.convolveTransposed($1[0]!, weights: $1[1]!, bias: $1[2], convolution)
      }
    }
    return try run(
      geometry, x: x, xZeroPoint: nil, weights: weights, weightsZeroPoint: nil,
      packing: .ofTransposed(geometry), result: .float(bias: bias), to: .float32)
  }

  /// Convolution of 8-bit codes less their zero points in `int32` that wraps.
  public func convolveCodes(
    _ x: Value, zeroPoint: Value?, weights: Value, weightsZeroPoint: Value?,
    _ convolution: Convolution
  ) throws -> Value {
    let geometry = ConvolutionGeometry(convolution, x: x.shape, weights: weights.shape)
    guard hasForm(geometry, x) else {
      return try onReference("convolveCodes", x, weights, zeroPoint, weightsZeroPoint) {
        $0.convolveCodes(
          $1[0]!, zeroPoint: $1[2], weights: $1[1]!, weightsZeroPoint: $1[3], convolution)
      }
    }
    return try run(
      geometry, x: x, xZeroPoint: zeroPoint, weights: weights, weightsZeroPoint: weightsZeroPoint,
      packing: .ofConvolution(geometry), result: .sum, to: .int32)
  }

  /// Runs the passes of a convolution. `packing` says where the weights of the first pass lie; its
  /// rows and taps are set for each.
  private func run(
    _ geometry: ConvolutionGeometry, x: Value, xZeroPoint: Value?, weights: Value,
    weightsZeroPoint: Value?, packing: RowPacking, result: ProductLaunch.Result,
    to elementType: ElementType, operation: StaticString = #function
  ) throws -> Value {
    let y = try makeValue(elementType, geometry.outputShape(rank: x.rank), operation: operation)
    guard y.count > 0 else { return y }
    let xZeroPoint = try xZeroPoint ?? zeroCode(x.elementType)
    for (index, pass) in geometry.passes.enumerated() {
      let form = ConvolutionForm(
        geometry, pass, on: facts, ofFloats: x.elementType == .float32)
      guard let form else { continue }
      var packing = packing
      packing.rows = form.packedRows
      packing.taps = pass.taps.map { Int32($0.index) }
      let rows = try pack(weights, zeroPoints: weightsZeroPoint, packing, isKept: true)
      let description = try describe(geometry, pass: index, elements: x.count, for: weights)
      try launch(
        ProductLaunch(
          geometry: geometry, pass: pass, form: form, description: description, x: x,
          xZeroPoint: xZeroPoint, weights: rows, result: result, y: y), operation: operation)
    }
    return y
  }
}
