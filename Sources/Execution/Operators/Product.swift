import Graph
import Operations
import Tensors

extension OperatorTable {
  static let products: [any Operator.Type] = [
    MatMul.self, Gemm.self, Einsum.self, Attention.self, RotaryEmbedding.self, MatMulNBits.self,
    BlockWeights.self, BlockProduct.self,
  ]
}

/// Matrix product in the sense of `numpy.matmul`.
struct MatMul: Operator {
  static let signatures = [OperatorSignature("MatMul", inputs: 2...2)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    for index in 0..<2 {
      try call.require(index, in: OperatorCall<B>.numeric)
    }
    try call.requireOneType(0..<2)
    return call.results(try call.matrixMultiply(call.value(0), call.value(1)))
  }
}

/// `alpha * A' * B' + beta * C`
struct Gemm: Operator {
  static let signatures = [
    OperatorSignature(
      "Gemm", inputs: 2...3,
      attributes: ["alpha": .float, "beta": .float, "transA": .int, "transB": .int])
  ]

  let alpha: Float
  let beta: Float
  let transposesA: Bool
  let transposesB: Bool

  init(_ node: NodeReader) throws {
    alpha = node.float("alpha", default: 1)
    beta = node.float("beta", default: 1)
    transposesA = node.flag("transA")
    transposesB = node.flag("transB")
    if node.opset < 11, !node.hasInput(2) {
      throw node.invalid("input 2 may be left out from operator set 11 on only")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let type = try call.requireOneType(0..<3)
    var a = try call.value(0)
    var b = try call.value(1)
    guard a.rank == 2, b.rank == 2 else {
      throw call.invalid("shapes \(a.shape) and \(b.shape) are not matrices")
    }
    if transposesA { a = try call.backend.transpose(a, [1, 0]) }
    if transposesB { b = try call.backend.transpose(b, [1, 0]) }
    var product = try call.matrixMultiply(a, b)
    if alpha != 1 {
      product = try call.combine(.multiply, product, call.constant(Double(alpha), of: type))
    }
    guard var addend = try call.optional(2), beta != 0 else { return call.results(product) }
    guard Shapes.broadcast(addend.shape, product.shape) == product.shape else {
      throw call.invalid("C of shape \(addend.shape) does not broadcast to \(product.shape)")
    }
    if beta != 1 {
      addend = try call.combine(.multiply, addend, call.constant(Double(beta), of: type))
    }
    return call.results(try call.combine(.add, product, addend))
  }
}
