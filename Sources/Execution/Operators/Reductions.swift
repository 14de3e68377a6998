import Graph
import Operations
import Tensors

extension OperatorTable {
  static let reductions: [any Operator.Type] = [Reduce.self, ArgumentOfExtreme.self]
}

/// Reductions over axes: an attribute up to operator set 12 (ReduceSum) or 17 (the others), an input
/// since.
struct Reduce: Operator {
  private static let functions: [String: Reduction] = [
    "ReduceL1": .l1, "ReduceL2": .l2, "ReduceLogSum": .logSum, "ReduceLogSumExp": .logSumExp,
    "ReduceMax": .maximum, "ReduceMean": .mean, "ReduceMin": .minimum, "ReduceProd": .product,
    "ReduceSum": .sum, "ReduceSumSquare": .sumOfSquares,
  ]
  static let signatures = functions.keys.sorted().flatMap { name in
    let change = name == "ReduceSum" ? 13 : 18
    return [
      OperatorSignature(name, until: change - 1, attributes: ["axes": .ints, "keepdims": .int]),
      OperatorSignature(
        name, since: change, inputs: 1...2,
        attributes: ["keepdims": .int, "noop_with_empty_axes": .int]),
    ]
  }

  let function: Reduction
  let axes: [Int]?
  let keepsAxes: Bool
  let emptyMeansNone: Bool

  init(_ node: NodeReader) throws {
    function = try node.required("operator", Self.functions[node.node.operatorType])
    axes = node.ints("axes")
    keepsAxes = node.flag("keepdims", default: true)
    emptyMeansNone = node.flag("noop_with_empty_axes")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let isExtreme = function == .maximum || function == .minimum
    let types = OperatorCall<B>.numeric
    try call.require(0, in: isExtreme ? types.union([.bool]) : types)
    let x = try call.value(0)
    var named = try call.optionalIntegers(1) ?? axes ?? []
    if named.isEmpty {
      if emptyMeansNone { return [call.operands[0]] }
      named = Array(0..<x.rank)
    }
    let axes = try call.axes(named, rank: x.rank)
    return call.results(try reduce(x, axes: axes, call))
  }

  private func reduce<B: Backend>(
    _ x: B.Value, axes: [Int], _ call: OperatorCall<B>
  ) throws -> B.Value {
    let backend = call.backend
    if x.rank == 0 {
      let reduced = try reduce(try backend.reshape(x, to: [1]), axes: [0], call)
      return try backend.reshape(reduced, to: [])
    }
    let result = try backend.reduce(function, x, axes: axes)
    guard !keepsAxes else { return result }
    let rest = x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] }
    return try backend.reshape(result, to: rest)
  }
}

/// ArgMax and ArgMin.
struct ArgumentOfExtreme: Operator {
  static let signatures = ["ArgMax", "ArgMin"].map {
    OperatorSignature($0, attributes: ["axis": .int, "keepdims": .int, "select_last_index": .int])
  }

  let isLargest: Bool
  let axis: Int
  let keepsAxis: Bool
  let takesLast: Bool

  init(_ node: NodeReader) {
    isLargest = node.node.operatorType == "ArgMax"
    axis = node.int("axis", default: 0)
    keepsAxis = node.flag("keepdims", default: true)
    takesLast = node.flag("select_last_index")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    call.noteHostOperation("ArgMax")
    let x = try call.tensor(0)
    let axis = try call.axis(axis, rank: x.rank)
    guard x.shape[axis] > 0 else {
      throw call.invalid("axis \(axis) of shape \(x.shape) has no elements")
    }
    let places = HostSelection.argument(x, axis: axis, isLargest: isLargest, takesLast: takesLast)
    guard !keepsAxis else { return call.results(host: places) }
    var shape = x.shape
    shape.remove(at: axis)
    return call.results(host: places.reshaped(to: shape))
  }
}
