public import Operations
import Tensors

extension OpenCLBackend {
  /// `function` of every pair of elements, shapes broadcast: `float32`, `int32` and `bool`. Other
  /// types, which models use for a few numbers at a time, and remainders on the reference.
  public func combine(_ function: BinaryFunction, _ a: Value, _ b: Value) throws -> Value {
    precondition(
      a.elementType == b.elementType, "\(function) of \(a.elementType) and \(b.elementType)")
    let shape = broadcastShape([a.shape, b.shape])
    guard let expression = function.expression(a.elementType),
      let from = a.elementType.arithmeticType,
      let runs = DeviceRuns(shape: shape, broadcasting: [a.shape, b.shape])
    else { return try runOnHost("combine", [a, b]) { $0.combine(function, $1[0], $1[1]) } }
    let type: ElementType = function.isComparison ? .bool : a.elementType
    guard let to = type.arithmeticType else {
      return try runOnHost("combine", [a, b]) { $0.combine(function, $1[0], $1[1]) }
    }
    let y = try makeValue(type, shape)
    var preludes = ["prelude/runs.cl"]
    if function == .divide || function == .power { preludes.append("prelude/divide.cl") }
    if function == .power { preludes.append("prelude/elementary.cl") }
    let kernel = DeviceKernel(
      "elementwise/combine.cl", "combine",
      [
        "FROM=\(from)", "TO=\(to)", "EXPRESSION=\(expression)",
        "X_STEP=\(runs.steps[0])", "Y_STEP=\(runs.steps[1])",
      ], preludes: preludes)
    try launchItems(kernel, count: runs.count, a, b, y, constants(runs.words), UInt32(runs.count))
    return y
  }

  /// Elements of `a` where `condition` is true, of `b` elsewhere; the three broadcast.
  public func select(_ condition: Value, _ a: Value, _ b: Value) throws -> Value {
    precondition(condition.elementType == .bool && a.elementType == b.elementType)
    let shapes = [condition.shape, a.shape, b.shape]
    let shape = broadcastShape(shapes)
    guard let runs = DeviceRuns(shape: shape, broadcasting: shapes) else {
      return try runOnHost("select", [condition, a, b]) { $0.select($1[0], $1[1], $1[2]) }
    }
    let y = try makeValue(a.elementType, shape)
    let kernel = DeviceKernel(
      "elementwise/select.cl", "choose",
      [
        "WORD=\(a.elementType.wordType)", "C_STEP=\(runs.steps[0])",
        "X_STEP=\(runs.steps[1])", "Y_STEP=\(runs.steps[2])",
      ], preludes: ["prelude/runs.cl"])
    try launchItems(
      kernel, count: runs.count, condition, a, b, y, constants(runs.words), UInt32(runs.count))
    return y
  }
}

extension BinaryFunction {
  /// Whether the result is `bool` for operands that are not.
  fileprivate var isComparison: Bool {
    switch self {
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }

  /// An expression in x and y; `nil` if the device has no kernel for it.
  fileprivate func expression(_ type: ElementType) -> String? {
    switch type {
    case .float32: float32Expression ?? comparison
    case .bool: boolExpression
    case .int32: int32Expression ?? comparison
    default: nil
    }
  }

  private var comparison: String? {
    switch self {
    case .equal: "x == y"
    case .less: "x < y"
    case .lessOrEqual: "x <= y"
    case .greater: "x > y"
    case .greaterOrEqual: "x >= y"
    default: nil
    }
  }

  private var float32Expression: String? {
    switch self {
    case .add: "x + y"
    case .subtract: "x - y"
    case .multiply: "x * y"
    case .divide: "lb_divide(x, y)"
    case .power: "lb_pow(x, y)"
    case .minimum: "((x < y) | (x != x)) ? x : y"
    case .maximum: "((x > y) | (x != x)) ? x : y"
    case .prelu: "x < 0.0f ? x * y : x"
    default: nil
    }
  }

  private var boolExpression: String? {
    switch self {
    case .and: "x & y"
    case .or: "x | y"
    case .exclusiveOr: "x ^ y"
    case .equal: "x == y"
    default: nil
    }
  }

  /// Sums and products in unsigned arithmetic, which wraps.
  private var int32Expression: String? {
    switch self {
    case .add: "(int)((uint)x + (uint)y)"
    case .subtract: "(int)((uint)x - (uint)y)"
    case .multiply: "(int)((uint)x * (uint)y)"
    case .divide: "y == 0 ? 0 : y == -1 ? (int)(0u - (uint)x) : x / y"
    case .minimum: "min(x, y)"
    case .maximum: "max(x, y)"
    case .bitwiseAnd: "x & y"
    case .bitwiseOr: "x | y"
    case .bitwiseExclusiveOr: "x ^ y"
    default: nil
    }
  }
}
