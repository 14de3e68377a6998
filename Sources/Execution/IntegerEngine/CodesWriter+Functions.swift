import Graph
import Operations
import Quantization
import Tensors

/// Functions of codes: element by element, of pairs, and averages.
extension CodesWriter {
  private static let unary: Set<String> = [
    "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Selu",
    "Celu", "Gelu", "Erf", "Exp", "Log", "Sqrt", "Neg", "Abs", "Softplus", "Softsign", "Mish",
    "Swish", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "Atan", "Sinh", "Cosh",
    "ThresholdedRelu", "BatchNormalization", "PRelu",
  ]
  private static let binary: Set<String> = ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"]

  /// Holds a node back that computes a function of held values.
  mutating func hold(_ node: Node) throws -> Bool {
    guard node.isInOwnDomain, node.outputs.count == 1, let first = node.inputs.first else {
      return false
    }
    if try node.operatorType != "MaxPool" && holdParts(node) { return true }
    switch node.operatorType {
    case "AveragePool", "GlobalAveragePool": return hold(pool: node)
    case "Relu", "Clip":
      if case .function(var function)? = held(first), function.pair != nil {
        guard let bounds = index.clippingBounds(of: node), bounds.overlaps(function.bounds) else {
          return false
        }
        function.bounds = bounds.clamped(to: function.bounds)
        function.nodes.append(node)
        hold(node.outputs[0], .function(function))
        return true
      }
    case "Add", "Mul": if hold(pair: node) { return true }
    default: break
    }
    guard Self.unary.contains(node.operatorType) || Self.binary.contains(node.operatorType) else {
      return false
    }
    return hold(function: node)
  }

  /// A function of one tensor of codes and constants.
  private mutating func hold(function node: Node) -> Bool {
    var source: HeldCodes?
    var nodes: [Node] = []
    for input in node.inputs where !input.isEmpty {
      if constantNodes(of: input) != nil { continue }
      guard let content = held(input) else { return false }
      let found: HeldCodes
      switch content {
      case .codes(let codes): found = codes
      case .function(let function):
        guard function.pair == nil, function.pool == nil else { return false }
        found = function.source
        nodes += function.nodes.filter { !nodes.contains($0) }
      case .parts: return false
      }
      guard source == nil || source?.name == found.name else { return false }
      source = found
    }
    guard let source else { return false }
    hold(node.outputs[0], .function(HeldFunction(nodes: nodes + [node], source: source)))
    return true
  }

  /// The sum or product of two tensors of codes of one type.
  private mutating func hold(pair node: Node) -> Bool {
    guard node.inputs.count == 2, let a = pairOperand(node.inputs[0], node.inputs[1]),
      let b = pairOperand(node.inputs[1], node.inputs[0]),
      a.quantizer.type == b.quantizer.type, a.name != b.name
    else { return false }
    hold(
      node.outputs[0],
      .function(HeldFunction(nodes: [node], source: a, pair: (node.operatorType, b))))
    return true
  }

  /// Codes that `value` stands for; constant ones too, unless they fit a table of functions of
  /// `other`.
  private func pairOperand(_ value: String, _ other: String) -> HeldCodes? {
    if let codes = heldCodes(value) { return codes }
    guard let writer = index.writer[value], case let node = index.nodes[writer],
      node.operatorType == "DequantizeLinear", node.isPlainQuantizer, node.inputs.count > 2,
      let codes = constants[node.inputs[0]],
      let quantizer = constants.quantizer(node.inputs[1], node.inputs[2]), quantizer.isByte
    else { return nil }
    var channels: (axis: Int, extent: Int)?
    guard !fits(codes.shape, other, &channels) else { return nil }
    return HeldCodes(
      name: node.inputs[0], scale: node.inputs[1], zeroPoint: [node.inputs[2]],
      quantizer: quantizer)
  }

  private mutating func hold(pool node: Node) -> Bool {
    guard node.domain.isEmpty, let codes = heldCodes(node.inputs[0]),
      let rank = rank(of: node.inputs[0]), (3...4).contains(rank)
    else { return false }
    hold(node.outputs[0], .function(HeldFunction(nodes: [node], source: codes, pool: node)))
    return true
  }

  // MARK: Behind a quantizer

  /// QLinearAdd or QLinearMul in place of what is held back and of the quantizer `node`.
  mutating func writePair(
    _ function: HeldFunction, _ node: Node, _ quantizer: ConstantQuantizer
  ) -> Bool {
    guard let pair = function.pair, quantizer.type == function.source.quantizer.type else {
      return false
    }
    let codes = quantizer.codes(of: function.bounds)
    guard let whole = quantizer.type.integerRange else { return false }
    guard codes == whole || opset >= 12 else { return false }
    let raw = codes == whole ? node.outputs[0] : unique("\(node.outputs[0])_raw")
    append(
      Node(
        name: function.nodes[0].name, "QLinear\(pair.operatorType)", domain: "com.microsoft",
        inputs: function.source.operands + pair.other.operands + node.inputs.dropFirst(),
        outputs: [raw]))
    guard raw != node.outputs[0] else { return true }
    let bounds = [codes.lowerBound, codes.upperBound].map {
      constant(quantizer.type.codeScalar($0), "\(raw)_bound")
    }
    append(Node("Clip", inputs: [raw] + bounds, outputs: node.outputs))
    return true
  }

  /// The average pools of ONNX Runtime in place of what is held back and of the quantizer `node`.
  mutating func writePool(
    _ function: HeldFunction, _ node: Node, _ quantizer: ConstantQuantizer
  ) -> Bool {
    guard var pool = function.pool, quantizer.type == function.source.quantizer.type else {
      return false
    }
    pool.operatorType = "QLinear\(pool.operatorType)"
    pool.domain = "com.microsoft"
    pool.inputs = function.source.operands + node.inputs.dropFirst()
    pool.outputs = node.outputs
    append(pool)
    return true
  }
}

extension ConstantQuantizer {
  /// The code of `value`, as QuantizeLinear computes it.
  private func code(of value: Float) -> Int {
    let range = type.integerRange ?? 0...255
    let steps = (value / scale).rounded(.toNearestOrEven)
    return Int(
      min(max(steps + Float(zeroPoint), Float(range.lowerBound)), Float(range.upperBound)))
  }

  /// The codes that stand for what is left within `bounds`: quantizers are monotone.
  func codes(of bounds: ClosedRange<Float>) -> ClosedRange<Int> {
    code(of: bounds.lowerBound)...code(of: bounds.upperBound)
  }
}

extension ElementType {
  /// One 8-bit code as a scalar tensor.
  func codeScalar(_ code: Int) -> Tensor {
    self == .int8 ? Tensor(scalar: Int8(code)) : Tensor(scalar: UInt8(code))
  }
}
