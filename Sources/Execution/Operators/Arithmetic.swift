import Graph
import Operations
import Tensors

extension OperatorTable {
  static let arithmetic: [any Operator.Type] = [
    Arithmetic.self, Comparison.self, Logic.self, Bits.self, Modulo.self, Power.self, Variadic.self,
  ]
}

/// The four kinds of arithmetic.
struct Arithmetic: Operator {
  private static let functions: [String: BinaryFunction] = [
    "Add": .add, "Sub": .subtract, "Mul": .multiply, "Div": .divide,
  ]
  static let signatures = functions.keys.sorted().map { OperatorSignature($0, inputs: 2...2) }

  let function: BinaryFunction

  init(_ node: NodeReader) throws {
    function = try node.required("operator", Self.functions[node.node.operatorType])
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    try call.requireOneType(0..<2)
    return call.results(try call.combine(function, call.value(0), call.value(1)))
  }
}

/// Comparisons.
struct Comparison: Operator {
  private static let functions: [String: BinaryFunction] = [
    "Equal": .equal, "Greater": .greater, "GreaterOrEqual": .greaterOrEqual, "Less": .less,
    "LessOrEqual": .lessOrEqual,
  ]
  static let signatures = functions.keys.sorted().map {
    OperatorSignature($0, since: $0.hasSuffix("OrEqual") ? 12 : 7, inputs: 2...2)
  }

  let function: BinaryFunction

  init(_ node: NodeReader) throws {
    function = try node.required("operator", Self.functions[node.node.operatorType])
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let types = OperatorCall<B>.numeric
    try call.require(0, in: function == .equal ? types.union([.bool]) : types)
    try call.requireOneType(0..<2)
    return call.results(try call.combine(function, call.value(0), call.value(1)))
  }
}

/// Functions of two truth values.
struct Logic: Operator {
  private static let functions: [String: BinaryFunction] = [
    "And": .and, "Or": .or, "Xor": .exclusiveOr,
  ]
  static let signatures = functions.keys.sorted().map { OperatorSignature($0, inputs: 2...2) }

  let function: BinaryFunction

  init(_ node: NodeReader) throws {
    function = try node.required("operator", Self.functions[node.node.operatorType])
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.bool])
    try call.requireOneType(0..<2)
    return call.results(try call.combine(function, call.value(0), call.value(1)))
  }
}

/// Functions of two integers' bits.
struct Bits: Operator {
  static let signatures = [
    OperatorSignature("BitShift", since: 11, inputs: 2...2, attributes: ["direction": .string]),
    OperatorSignature("BitwiseAnd", since: 18, inputs: 2...2),
    OperatorSignature("BitwiseOr", since: 18, inputs: 2...2),
    OperatorSignature("BitwiseXor", since: 18, inputs: 2...2),
  ]

  let function: BinaryFunction

  init(_ node: NodeReader) throws {
    switch node.node.operatorType {
    case "BitwiseAnd": function = .bitwiseAnd
    case "BitwiseOr": function = .bitwiseOr
    case "BitwiseXor": function = .bitwiseExclusiveOr
    default:
      function = try node.choice(
        "direction", default: "", ["LEFT": .shiftLeft, "RIGHT": .shiftRight])
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.integral)
    try call.requireOneType(0..<2)
    return call.results(try call.combine(function, call.value(0), call.value(1)))
  }
}

/// The rest of a division, with the sign of the divisor or of the dividend.
struct Modulo: Operator {
  static let signatures = [
    OperatorSignature("Mod", since: 10, inputs: 2...2, attributes: ["fmod": .int])
  ]

  let function: BinaryFunction

  init(_ node: NodeReader) { function = node.flag("fmod") ? .remainder : .modulo }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    let type = try call.requireOneType(0..<2)
    guard function == .remainder || type.isInteger else {
      throw call.invalid("attribute 'fmod' must be 1 for operands of type \(type)")
    }
    return call.results(try call.combine(function, call.value(0), call.value(1)))
  }
}

/// Powers; the exponent may be of another type, the result is of the base's.
struct Power: Operator {
  static let signatures = [OperatorSignature("Pow", inputs: 2...2)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    try call.require(1, in: OperatorCall<B>.numeric)
    let backend = call.backend
    let base = try call.value(0)
    let exponent = try call.value(1)
    if base.elementType.isInteger, exponent.elementType.isFloatingPoint {
      let power = try call.combine(
        .power, try backend.cast(base, to: .float64), try backend.cast(exponent, to: .float64))
      return call.results(try backend.cast(power, to: base.elementType))
    }
    let converted =
      exponent.elementType == base.elementType
      ? exponent : try backend.cast(exponent, to: base.elementType)
    return call.results(try call.combine(.power, base, converted))
  }
}

/// Functions of any number of operands that broadcast.
struct Variadic: Operator {
  static let signatures = ["Max", "Mean", "Min", "Sum"].map {
    OperatorSignature($0, inputs: 1...Int.max)
  }

  let function: BinaryFunction
  let isMean: Bool

  init(_ node: NodeReader) {
    isMean = node.node.operatorType == "Mean"
    function =
      switch node.node.operatorType {
      case "Max": .maximum
      case "Min": .minimum
      default: .add
      }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let types = OperatorCall<B>.numeric
    try call.require(0, in: function == .add ? OperatorCall<B>.floating : types)
    let type = try call.requireOneType(call.operands.indices)
    _ = try call.broadcastShape(try call.operands.indices.map { try call.operand($0).shape })
    var result = try call.value(0)
    for index in call.operands.indices.dropFirst() {
      result = try call.backend.combine(function, result, try call.value(index))
    }
    if isMean, call.operands.count > 1 {
      let count = try call.constant(Double(call.operands.count), of: type)
      result = try call.backend.combine(.divide, result, count)
    }
    return call.results(result)
  }
}
