import Glibc
import Graph
import Operations
import Tensors

extension OperatorTable {
  static let constants: [any Operator.Type] = [Constant.self, ConstantOfShape.self, Range.self]
}

/// A tensor of the model.
struct Constant: Operator {
  static let signatures = [
    OperatorSignature(
      "Constant", inputs: 0...0,
      attributes: [
        "value": .tensor, "value_float": .float, "value_floats": .floats, "value_int": .int,
        "value_ints": .ints,
      ])
  ]

  let tensor: Tensor

  init(_ node: NodeReader) throws {
    let found: [Tensor] = [
      node.tensor("value"), node.float("value_float").map { Tensor(scalar: $0) },
      node.floats("value_floats").map { Tensor($0) },
      node.int("value_int").map { .int64([$0], shape: []) },
      node.ints("value_ints").map { .int64($0) },
    ].compactMap { $0 }
    guard found.count == 1 else {
      throw node.invalid("\(found.count) attributes give a value where one should")
    }
    tensor = found[0]
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.results(host: tensor)
  }
}

/// One value in every element of a shape.
struct ConstantOfShape: Operator {
  static let signatures = [
    OperatorSignature("ConstantOfShape", since: 9, attributes: ["value": .tensor])
  ]

  let value: Tensor

  init(_ node: NodeReader) throws {
    value = node.tensor("value") ?? Tensor([Float(0)])
    guard value.count == 1 else { throw node.invalid("attribute 'value' has shape \(value.shape)") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.integers(0)
    guard shape.allSatisfy({ $0 >= 0 }) else { throw call.invalid("shape \(shape) is negative") }
    try call.requireRoom(for: shape)
    return call.results(host: ReferenceBackend.shared.broadcast(value.reshaped(to: []), to: shape))
  }
}

/// `start`, `start + delta`, ... up to but not with `limit`.
struct Range: Operator {
  static let signatures = [
    OperatorSignature(
      "Range", since: 11, inputs: 3...3, attributes: ["stash_type": .int])
  ]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.float32, .float64, .float16, .bfloat16, .int16, .int32, .int64])
    let type = try call.requireOneType(0..<3)
    let (start, limit, delta) = (try call.scalar(0), try call.scalar(1), try call.scalar(2))
    guard delta != 0, start.isFinite, limit.isFinite, delta.isFinite else {
      throw call.invalid("a range from \(start) to \(limit) by \(delta)")
    }
    let count = max(((limit - start) / delta).rounded(.up), 0)
    guard count <= 0x1p60 else { throw call.invalid("a range of \(count) elements") }
    try call.requireRoom(for: [Int(count)])
    let tensor: Tensor
    if type.isInteger {
      let (first, step) = (try call.integerScalar(0), try call.integerScalar(2))
      tensor = .int64((0..<Int(count)).map { first &+ $0 &* step })
    } else {
      tensor = Tensor((0..<Int(count)).map { start + Double($0) * delta })
    }
    return call.results(host: ReferenceBackend.shared.cast(tensor, to: type))
  }
}

extension OperatorCall {
  fileprivate func integerScalar(_ index: Int) throws -> Int {
    guard let value = try tensor(index).integers().first else {
      throw invalid("input \(index) is empty")
    }
    return value
  }
}
