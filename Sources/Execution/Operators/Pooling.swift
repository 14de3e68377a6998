import Graph
import Operations
import Tensors

extension OperatorTable {
  static let pools: [any Operator.Type] = [
    MaxPool.self, AveragePool.self, LpPool.self, GlobalPool.self,
  ]
}

extension OperatorCall {
  /// Throws unless operand 0 is `[N, C, spatial...]`; returns the spatial extents.
  func spatialExtents() throws -> [Int] {
    let shape = try operand(0).shape
    guard shape.count >= 3 else {
      throw invalid("the input has shape \(shape), not [N, C, spatial...]")
    }
    return Array(shape.dropFirst(2))
  }
}

/// Maximum pooling, with the places of the maxima where they are wanted.
struct MaxPool: Operator {
  static let signatures = [
    OperatorSignature(
      "MaxPool", outputs: 1...2,
      attributes: WindowAttributes.attributes.merging(["ceil_mode": .int, "storage_order": .int]) {
        $1
      })
  ]

  let attributes: WindowAttributes
  let isColumnMajor: Bool
  let wantsIndices: Bool

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    isColumnMajor = node.flag("storage_order")
    wantsIndices = node.hasOutput(1)
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating.union([.int8, .uint8]))
    let (window, extents) = try attributes.window(over: call.spatialExtents(), call)
    try call.requireRoom(for: try call.operand(0).shape.prefix(2) + extents)
    let pooling = Pooling(.maximum, window: window, outputExtents: extents)
    let result = try call.backend.pool(call.value(0), pooling)
    guard wantsIndices else { return call.results(result) }
    call.noteHostOperation("MaxPool indices")
    let indices = try HostPooling.maximumIndices(
      call.tensor(0), pooling, isColumnMajor: isColumnMajor)
    return [Operand(value: result), Operand(indices)]
  }
}

/// Average pooling.
struct AveragePool: Operator {
  static let signatures = [
    OperatorSignature(
      "AveragePool",
      attributes: WindowAttributes.attributes.merging([
        "ceil_mode": .int, "count_include_pad": .int,
      ]) { $1 })
  ]

  let attributes: WindowAttributes
  let countsBorder: Bool

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    countsBorder = node.flag("count_include_pad")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    return call.results(try pool(call.value(0), call))
  }

  /// The pool of `x`, which need not be an operand.
  func pool<B: Backend>(_ x: B.Value, _ call: OperatorCall<B>) throws -> B.Value {
    guard x.rank >= 3 else {
      throw call.invalid("the input has shape \(x.shape), not [N, C, spatial...]")
    }
    let (window, extents) = try attributes.window(over: Array(x.shape.dropFirst(2)), call)
    try call.requireRoom(for: x.shape.prefix(2) + extents)
    let pooling = Pooling(
      .average(countsBorder: countsBorder), window: window, outputExtents: extents)
    return try call.backend.pool(x, pooling)
  }
}

/// Pooling by the p-norm.
struct LpPool: Operator {
  static let signatures = [
    OperatorSignature(
      "LpPool",
      attributes: WindowAttributes.attributes.merging(["ceil_mode": .int, "p": .int]) { $1 })
  ]

  let attributes: WindowAttributes
  let order: Int

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    order = node.int("p", default: 2)
    guard (1...1000).contains(order) else { throw node.unsupported("attribute 'p' is \(order)") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let (window, extents) = try attributes.window(over: call.spatialExtents(), call)
    try call.requireRoom(for: try call.operand(0).shape.prefix(2) + extents)
    let pooling = Pooling(.norm(p: order), window: window, outputExtents: extents)
    return call.results(try call.backend.pool(call.value(0), pooling))
  }
}

/// Pooling over all of the spatial dimensions.
struct GlobalPool: Operator {
  static let signatures = [
    OperatorSignature("GlobalAveragePool"), OperatorSignature("GlobalMaxPool"),
    OperatorSignature("GlobalLpPool", attributes: ["p": .int]),
  ]

  let function: Reduction

  init(_ node: NodeReader) throws {
    switch node.node.operatorType {
    case "GlobalAveragePool": function = .mean
    case "GlobalMaxPool": function = .maximum
    default:
      switch node.int("p", default: 2) {
      case 1: function = .l1
      case 2: function = .l2
      case let order: throw node.unsupported("attribute 'p' is \(order); 1 and 2 are supported")
      }
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let extents = try call.spatialExtents()
    guard !extents.contains(0) else { throw call.invalid("the input has no elements: \(extents)") }
    let axes = Array(2..<(extents.count + 2))
    return call.results(try call.backend.reduce(function, call.value(0), axes: axes))
  }
}
