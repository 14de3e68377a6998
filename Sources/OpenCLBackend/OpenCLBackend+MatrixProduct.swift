import Operations
import Tensors

extension OpenCLBackend {
  /// Matrix product of `float32` in the canonical order; leading dimensions broadcast.
  public func matrixMultiply(_ a: Value, _ b: Value) throws -> Value {
    let product = MatrixProductGeometry(a.shape, b.shape)
    guard hasForm(product.convolution, b) else {
      return try onReference("matrixMultiply", a, b) { $0.matrixMultiply($1[0]!, $1[1]!) }
    }
    return try run(
      product, a, zeroPoint: nil, b, zeroPoint: nil, result: .float(bias: nil), to: .float32)
  }

  /// Matrix product of 8-bit codes less their zero points in `int32` that wraps.
  public func matrixMultiplyCodes(
    _ a: Value, zeroPoint aZeroPoint: Value?, _ b: Value, zeroPoint bZeroPoint: Value?
  ) throws -> Value {
    let product = MatrixProductGeometry(a.shape, b.shape)
    guard hasForm(product.convolution, b) else {
      return try onReference("matrixMultiplyCodes", a, b, aZeroPoint, bZeroPoint) {
        $0.matrixMultiplyCodes($1[0]!, zeroPoint: $1[2], $1[1]!, zeroPoint: $1[3])
      }
    }
    return try run(
      product, a, zeroPoint: aZeroPoint, b, zeroPoint: bZeroPoint ?? zeroCode(b.elementType),
      result: .sum, to: .int32)
  }

  /// Runs a product as a convolution: the left factor's rows are its weights, packed anew every time,
  /// because they are activations as a rule.
  private func run(
    _ product: MatrixProductGeometry, _ a: Value, zeroPoint aZeroPoint: Value?, _ b: Value,
    zeroPoint bZeroPoint: Value?, result: ProductLaunch.Result, to elementType: ElementType,
    operation: StaticString = #function
  ) throws -> Value {
    let y = try makeValue(elementType, product.shape, operation: operation)
    let geometry = product.convolution
    let pass = geometry.passes[0]
    guard y.count > 0, let form = ConvolutionForm(geometry, pass, on: facts) else { return y }
    var packing = RowPacking.ofConvolution(geometry)
    packing.rows = form.packedRows
    packing.groups = a.count / max(1, product.rows * product.depth)
    packing.taps = [0]
    let rows = try pack(a, zeroPoints: aZeroPoint, packing, isKept: false)
    let description = try describe(geometry, pass, elements: b.count, factors: product.matrices)
    try launch(
      ProductLaunch(
        geometry: geometry, pass: pass, form: form, description: description, x: b,
        xZeroPoint: bZeroPoint, weights: rows, result: result, y: y), operation: operation)
    return y
  }
}
