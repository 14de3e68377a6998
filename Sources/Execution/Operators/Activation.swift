import Graph
import Operations
import Tensors

extension OperatorTable {
  static let activations: [any Operator.Type] = [
    FloatFunction.self, SignedFunction.self, BooleanFunction.self, Clip.self, PRelu.self,
    Softmax.self, Hardmax.self,
  ]
}

/// Functions of one floating-point number.
struct FloatFunction: Operator {
  static let signatures = [
    OperatorSignature("Acos"), OperatorSignature("Acosh", since: 9), OperatorSignature("Asin"),
    OperatorSignature("Asinh", since: 9), OperatorSignature("Atan"),
    OperatorSignature("Atanh", since: 9), OperatorSignature("Ceil"),
    OperatorSignature("Celu", since: 12, attributes: ["alpha": .float]),
    OperatorSignature("Cos"), OperatorSignature("Cosh", since: 9),
    OperatorSignature("Elu", attributes: ["alpha": .float]), OperatorSignature("Erf", since: 9),
    OperatorSignature("Exp"), OperatorSignature("Floor"),
    OperatorSignature("Gelu", since: 20, attributes: ["approximate": .string]),
    OperatorSignature("HardSigmoid", attributes: ["alpha": .float, "beta": .float]),
    OperatorSignature("HardSwish", since: 14),
    OperatorSignature("LeakyRelu", attributes: ["alpha": .float]), OperatorSignature("Log"),
    OperatorSignature("Mish", since: 18), OperatorSignature("Reciprocal"),
    OperatorSignature("Round", since: 11),
    OperatorSignature("Selu", attributes: ["alpha": .float, "gamma": .float]),
    OperatorSignature("Sigmoid"), OperatorSignature("Sin"), OperatorSignature("Sinh", since: 9),
    OperatorSignature("Softplus"), OperatorSignature("Softsign"), OperatorSignature("Sqrt"),
    OperatorSignature("Swish", since: 24, attributes: ["alpha": .float]),
    OperatorSignature("Tan"), OperatorSignature("Tanh"),
    OperatorSignature("ThresholdedRelu", since: 10, attributes: ["alpha": .float]),
    OperatorSignature("Gelu", domain: "com.microsoft"),
  ]

  private static let simple: [String: UnaryFunction] = [
    "Acos": .arccosine, "Acosh": .areaCosine, "Asin": .arcsine, "Asinh": .areaSine,
    "Atan": .arctangent, "Atanh": .areaTangent, "Ceil": .ceil, "Cos": .cosine,
    "Cosh": .hyperbolicCosine, "Erf": .errorFunction, "Exp": .exponential, "Floor": .floor,
    "HardSwish": .hardSwish, "Log": .logarithm, "Mish": .mish, "Reciprocal": .reciprocal,
    "Round": .round, "Sigmoid": .sigmoid, "Sin": .sine, "Sinh": .hyperbolicSine,
    "Softplus": .softplus, "Softsign": .softsign, "Sqrt": .squareRoot, "Tan": .tangent,
    "Tanh": .hyperbolicTangent,
  ]

  let function: UnaryFunction

  init(_ node: NodeReader) throws {
    if let function = Self.simple[node.node.operatorType] {
      self.function = function
      return
    }
    switch node.node.operatorType {
    case "Celu": function = .celu(alpha: node.float("alpha", default: 1))
    case "Elu": function = .elu(alpha: node.float("alpha", default: 1))
    case "Gelu":
      function = .gelu(
        approximate: try node.choice("approximate", default: "none", ["none": false, "tanh": true]))
    case "HardSigmoid":
      function = .hardSigmoid(
        alpha: node.float("alpha", default: 0.2), beta: node.float("beta", default: 0.5))
    case "LeakyRelu": function = .leakyRelu(alpha: node.float("alpha", default: 0.01))
    case "Selu":
      function = .selu(
        alpha: node.float("alpha", default: 1.67326319217681884765625),
        gamma: node.float("gamma", default: 1.05070102214813232421875))
    case "Swish": function = .swish(alpha: node.float("alpha", default: 1))
    case "ThresholdedRelu": function = .thresholdedRelu(alpha: node.float("alpha", default: 1))
    default: throw node.unsupported("the operator is not supported")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    return call.results(try call.backend.map(function, call.value(0)))
  }
}

/// Functions of one number that are defined for integers too.
struct SignedFunction: Operator {
  static let signatures = ["Neg", "Abs", "Sign", "Relu"].map {
    OperatorSignature($0, since: $0 == "Sign" ? 9 : 1)
  }

  let function: UnaryFunction

  init(_ node: NodeReader) {
    function =
      switch node.node.operatorType {
      case "Neg": .negate
      case "Abs": .absolute
      case "Sign": .sign
      default: .relu
      }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    return call.results(try call.backend.map(function, call.value(0)))
  }
}

/// Functions of one element to or from `bool`, and of an integer's bits.
struct BooleanFunction: Operator {
  static let signatures = [
    OperatorSignature("Not"), OperatorSignature("IsNaN", since: 9),
    OperatorSignature(
      "IsInf", since: 10, attributes: ["detect_negative": .int, "detect_positive": .int]),
    OperatorSignature("BitwiseNot", since: 18),
  ]

  let function: UnaryFunction

  init(_ node: NodeReader) {
    function =
      switch node.node.operatorType {
      case "Not": .not
      case "IsNaN": .isNaN
      case "IsInf":
        .isInfinite(
          positive: node.flag("detect_positive", default: true),
          negative: node.flag("detect_negative", default: true))
      default: .complement
      }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    switch function {
    case .not: try call.require(0, in: [.bool])
    case .complement: try call.require(0, in: OperatorCall<B>.integral)
    default: try call.require(0, in: OperatorCall<B>.floating)
    }
    return call.results(try call.backend.map(function, call.value(0)))
  }
}

/// Bounds: attributes up to operator set 10, inputs since.
struct Clip: Operator {
  static let signatures = [
    OperatorSignature("Clip", until: 10, attributes: ["min": .float, "max": .float]),
    OperatorSignature("Clip", since: 11, inputs: 1...3),
  ]

  let lower: Float?
  let upper: Float?

  init(_ node: NodeReader) {
    lower = node.float("min")
    upper = node.float("max")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    try call.requireOneType(0..<3)
    let x = try call.value(0)
    if x.elementType == .int64 || x.elementType == .uint64 { return try clipWide(x, call) }
    let low = call.has(1) ? try call.scalar(1) : lower.map { Double($0) } ?? -.infinity
    let high = call.has(2) ? try call.scalar(2) : upper.map { Double($0) } ?? .infinity
    return call.results(try call.backend.map(.clip(lower: low, upper: high), x))
  }

  /// 64-bit bounds are beyond what a floating-point number holds.
  private func clipWide<B: Backend>(
    _ x: B.Value, _ call: OperatorCall<B>
  ) throws -> [Operand<B>?] {
    var result = x
    for (index, function) in [(1, BinaryFunction.maximum), (2, .minimum)] where call.has(index) {
      guard try call.operand(index).count == 1 else {
        throw call.invalid("input \(index) has shape \(try call.operand(index).shape)")
      }
      let bound = try call.backend.reshape(call.value(index), to: [])
      result = try call.backend.combine(function, result, bound)
    }
    return call.results(result)
  }
}

/// `x < 0 ? slope * x : x`
struct PRelu: Operator {
  static let signatures = [OperatorSignature("PRelu", inputs: 2...2)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    try call.requireOneType(0..<2)
    let x = try call.value(0)
    let slope = try call.value(1)
    guard Shapes.broadcast(x.shape, slope.shape) == x.shape else {
      throw call.invalid("a slope of shape \(slope.shape) does not broadcast to \(x.shape)")
    }
    return call.results(try call.backend.combine(.prelu, x, slope))
  }
}

/// Softmax and its logarithm. Up to operator set 12 the axes from `axis` on are taken together.
struct Softmax: Operator {
  static let signatures = ["Softmax", "LogSoftmax"].map {
    OperatorSignature($0, attributes: ["axis": .int])
  }

  let axis: Int
  let joinsAxes: Bool
  let logarithm: Bool

  init(_ node: NodeReader) {
    joinsAxes = node.opset < 13
    axis = node.int("axis", default: joinsAxes ? 1 : -1)
    logarithm = node.node.operatorType == "LogSoftmax"
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let x = try call.value(0)
    return call.results(
      try call.alongSoftmaxAxis(x, axis: axis, joinsAxes: joinsAxes) { x, axis in
        try call.backend.softmax(x, axis: axis, logarithm: logarithm)
      })
  }
}

/// One where the maximum along an axis is first found, zero elsewhere.
struct Hardmax: Operator {
  static let signatures = [OperatorSignature("Hardmax", attributes: ["axis": .int])]

  let axis: Int
  let joinsAxes: Bool

  init(_ node: NodeReader) {
    joinsAxes = node.opset < 13
    axis = node.int("axis", default: joinsAxes ? 1 : -1)
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    call.noteHostOperation("Hardmax")
    let x = try call.value(0)
    return call.results(
      try call.alongSoftmaxAxis(x, axis: axis, joinsAxes: joinsAxes) { x, axis in
        let tensor = try call.backend.download(x)
        let best = HostSelection.argument(
          tensor, axis: axis, isLargest: true, takesLast: false)
        let ones = HostSelection.oneHot(
          best.integers(), extent: tensor.shape[axis], shape: tensor.shape, axis: axis)
        return try call.backend.cast(try call.backend.upload(ones), to: x.elementType)
      })
  }
}

extension OperatorCall {
  /// Runs `body` on `x` and the axis; where axes are joined, on a matrix of them.
  fileprivate func alongSoftmaxAxis(
    _ x: B.Value, axis: Int, joinsAxes: Bool, _ body: (B.Value, Int) throws -> B.Value
  ) throws -> B.Value {
    if x.rank == 0, !joinsAxes, axis == 0 || axis == -1 {
      return try backend.reshape(try body(try backend.reshape(x, to: [1]), 0), to: [])
    }
    guard joinsAxes else { return try body(x, try self.axis(axis, rank: x.rank)) }
    let first = axis == x.rank ? axis : try self.axis(axis, rank: x.rank)
    let rows = x.shape[..<first].reduce(1, *)
    let columns = x.shape[first...].reduce(1, *)
    let matrix = try backend.reshape(x, to: [rows, columns])
    return try backend.reshape(try body(matrix, 1), to: x.shape)
  }
}
