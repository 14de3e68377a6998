import Graph
import Operations
import Tensors

/// Convolution of codes into codes.
///
/// `saturate(rint(Float(sum + bias) * (xScale * wScale / yScale)) + yZeroPoint)`, the multiplier
/// computed in float32 in this order, as ONNX Runtime does.
struct QLinearConv: Operator {
  static let signatures = ["", "com.microsoft"].map { domain in
    OperatorSignature(
      "QLinearConv", domain: domain, since: domain.isEmpty ? 10 : 1, inputs: 8...9,
      attributes: domain.isEmpty
        ? Conv.attributes : Conv.attributes.merging(["channels_last": .int]) { $1 })
  }

  let convolution: CodeConvolution

  init(_ node: NodeReader) throws {
    convolution = CodeConvolution(
      attributes: try WindowAttributes(node), groups: try node.groups())
    if node.flag("channels_last") {
      throw node.unsupported("attribute 'channels_last' is 1; only 0 is supported")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(7, in: CodeTypes.bytes)
    try call.require(8, in: [.int32])
    let sums = try convolution.run(
      x: 0, zeroPoint: 2, weights: 3, weightsZeroPoint: 5, bias: 8, call)
    let multiplier = try call.multiplier(1, 4, over: 6, extent: sums.shape[1])
    let zeroPoint = try call.scalarOperand(7)
    return call.results(
      try call.backend.requantize(
        sums, bias: call.optional(8), multiplier: call.backend.upload(multiplier),
        zeroPoint: zeroPoint, axis: 1, to: zeroPoint.elementType))
  }
}

/// Matrix product of codes into codes.
struct QLinearMatMul: Operator {
  static let signatures = ["", "com.microsoft"].map { domain in
    OperatorSignature(
      "QLinearMatMul", domain: domain, since: domain.isEmpty ? 10 : 1, inputs: 8...8)
  }

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(7, in: CodeTypes.bytes)
    let sums = try call.multiplyCodes(a: 0, zeroPoint: 2, b: 3, zeroPoint: 5)
    guard sums.rank > 0 else {
      throw call.unsupported("the product of two vectors is not supported")
    }
    let multiplier = try call.multiplier(1, 4, over: 6, extent: sums.shape[sums.rank - 1])
    let zeroPoint = try call.scalarOperand(7)
    return call.results(
      try call.backend.requantize(
        sums, bias: nil, multiplier: call.backend.upload(multiplier), zeroPoint: zeroPoint,
        axis: sums.rank - 1, to: zeroPoint.elementType))
  }
}

extension OperatorCall {
  /// Operand `index`, which has one element, as a scalar.
  func scalarOperand(_ index: Int) throws -> B.Value {
    guard try operand(index).count == 1 else {
      throw invalid(
        "input \(index) has shape \(try operand(index).shape) where one number is expected")
    }
    return try backend.reshape(value(index), to: [])
  }

  /// Operand `index`, one number, as float32 on the host.
  func scaleNumber(_ index: Int) throws -> Float {
    try require(index, in: [.float32, .float16, .bfloat16])
    return Float(try scalar(index))
  }

  /// `first * second / output` in float32; `second` is one number or one for each of `extent`.
  func multiplier(_ first: Int, _ second: Int, over output: Int, extent: Int) throws -> Tensor {
    try require(second, in: [.float32, .float16, .bfloat16])
    let (input, result) = (try scaleNumber(first), try scaleNumber(output))
    let scales = try tensor(second).doubles().map { Float($0) }
    guard scales.count == 1 || scales.count == extent else {
      throw invalid("input \(second) has \(scales.count) scales for \(extent) channels")
    }
    let multipliers = scales.map { input * $0 / result }
    return Tensor(multipliers, shape: scales.count == 1 ? [] : [extent])
  }
}
