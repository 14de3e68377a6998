import Graph
import Quantization
import Tensors

/// ONNX Runtime's own operators.
private let microsoft = "com.microsoft"

extension Emitter {
  /// Writes the graph with operators on codes: QLinearConv, QLinearMatMul and MatMulInteger of ONNX,
  /// the others of `com.microsoft`. What has no such operator is written as for ``emitQDQ()``.
  mutating func emitQOperator() -> Graph {
    for input in plan.graph.inputs where plan.values[input.name] != nil { quantize(input.name) }
    for (number, node) in index.nodes.enumerated() where !isFused(number) {
      let result = surface(of: node.outputs.first ?? "")
      if plan.weights[number] != nil {
        emitWeightedOnCodes(node, number, result)
      } else if plan.decisions[number] == .quantized {
        emitOnCodes(node, result)
      } else if plan.decisions[number] == .passesThrough {
        emitPassThrough(node)
      } else {
        emitFloat(node)
      }
    }
    return finish()
  }

  /// Whether a value can be an operand or a result of the 8-bit operators.
  private func is8Bit(_ value: String) -> Bool {
    plan.values[value] != nil && storage(of: value) == .uint8
  }

  // MARK: Weighted nodes

  private mutating func emitWeightedOnCodes(_ node: Node, _ number: Int, _ result: String) {
    guard is8Bit(node.inputs[0]), model.weights[number]?.groupSize == nil else {
      return emitWeighted(node, number)
    }
    switch node.operatorType {
    case "Conv" where is8Bit(result): emitConvolution(node, number, result)
    case "Gemm": emitGemm(node, number, result)
    case "MatMul": emitProduct(node, number, result)
    default: emitWeighted(node, number)
    }
  }

  private mutating func emitConvolution(_ node: Node, _ number: Int, _ result: String) {
    let data = parameters(of: node.inputs[0])
    let weights = weightCodes(number)
    let weightParameters = weightParameters(number)
    let target = parameters(of: result)
    var operands = [
      codes[node.inputs[0]] ?? "", data.scale, data.zeroPoint, weights, weightParameters.scale,
      weightParameters.zeroPoint, target.scale, target.zeroPoint,
    ]
    if let bias = biasCodes(number) { operands.append(bias.codes) }
    emit(node, as: "QLinearConv", "", operands, result)
  }

  private mutating func emitGemm(_ node: Node, _ number: Int, _ result: String) {
    let data = parameters(of: node.inputs[0])
    let weights = weightCodes(number)
    let weightParameters = weightParameters(number)
    var operands = [
      codes[node.inputs[0]] ?? "", data.scale, data.zeroPoint, weights, weightParameters.scale,
      weightParameters.zeroPoint, biasCodes(number)?.codes ?? "",
    ]
    if is8Bit(result) {
      let target = parameters(of: result)
      operands += [target.scale, target.zeroPoint]
      emit(node, as: "QGemm", microsoft, operands, result, dropping: ["beta"])
    } else {
      // Without the parameters of a result, QGemm gives floats.
      var copy = node
      copy.operatorType = "QGemm"
      copy.domain = microsoft
      copy.attributes["beta"] = nil
      emitFloat(copy, operands: operands)
    }
  }

  private mutating func emitProduct(_ node: Node, _ number: Int, _ result: String) {
    let right = (codes: weightCodes(number), parameters: weightParameters(number))
    emitProduct(
      node, right, scales: model.weights[number]?.quantizers.map(\.scale) ?? [], result)
  }

  /// A product with codes on both sides: codes again where the result is quantized, floats by way of
  /// exact integers otherwise.
  private mutating func emitProduct(
    _ node: Node, _ right: (codes: String, parameters: Parameters), scales: [Float],
    _ result: String
  ) {
    let left = node.inputs[0]
    let parameters = parameters(of: left)
    if is8Bit(result) {
      let target = self.parameters(of: result)
      return emit(
        node, as: "QLinearMatMul", "",
        [
          codes[left] ?? "", parameters.scale, parameters.zeroPoint, right.codes,
          right.parameters.scale, right.parameters.zeroPoint, target.scale, target.zeroPoint,
        ], result)
    }
    var integer = node
    integer.operatorType = "MatMulInteger"
    integer.inputs = [
      codes[left] ?? "", right.codes, parameters.zeroPoint, right.parameters.zeroPoint,
    ]
    integer.outputs = [builder.fresh("\(result)_int32")]
    builder.append(integer)
    let wide = builder.node(
      "Cast", integer.outputs, output: "\(result)_sum",
      attributes: ["to": .int(CodeStorage.typeNumber(.float32))])
    let dataScale = quantizer(of: left).scale
    let scale = builder.constant(
      Tensor(scales.map { $0 * dataScale }, shape: scales.count > 1 ? [scales.count] : []),
      "\(result)_scale")
    builder.node("Mul", [wide, scale], writing: floatResult(result))
    if plan.values[result] != nil { quantize(result) }
  }

  // MARK: Other nodes

  private mutating func emitOnCodes(_ node: Node, _ result: String) {
    let operands = node.inputs.filter { node.takesData($0) && model.constants[$0] == nil }
    guard operands.allSatisfy(is8Bit),
      is8Bit(result) || node.operatorType == "MatMul"
    else {
      return emitFloat(node, operands: node.inputs.map { quantizedOperand($0, of: node) })
    }
    if node.operatorType == "MatMul" {
      let right = node.inputs[1]
      return emitProduct(
        node, (codes[right] ?? "", parameters(of: right)), scales: [quantizer(of: right).scale],
        result)
    }
    let target = parameters(of: result)
    let sources = node.inputs.filter(node.takesData).flatMap { operandWithParameters($0) }
    switch node.operatorType {
    case "Concat":
      emit(
        node, as: "QLinearConcat", microsoft, [target.scale, target.zeroPoint] + sources, result)
    case "Softmax":
      emit(
        node, as: "QLinearSoftmax", microsoft, sources + [target.scale, target.zeroPoint], result,
        adding: ["opset": .int(plan.graph.opsets[""] ?? 13)])
    default:
      emit(
        node, as: "QLinear\(node.operatorType)", microsoft,
        sources + [target.scale, target.zeroPoint], result)
    }
  }

  private mutating func operandWithParameters(_ value: String) -> [String] {
    if let operand = model.constants[value] {
      let names = constantOperand(value, operand)
      return [names.codes, names.parameters.scale, names.parameters.zeroPoint]
    }
    let parameters = parameters(of: value)
    return [codes[value] ?? "", parameters.scale, parameters.zeroPoint]
  }

  /// An operator that moves values moves codes just as well.
  private mutating func emitPassThrough(_ node: Node) {
    var copy = node
    let source = node.inputs[0]
    copy.inputs[0] = codes[source] ?? source
    if node.operatorType == "Pad" {
      let fill = CodeStorage.scalar(quantizer(of: source).zeroPoint, as: storage(of: source))
      copy.inputs =
        Array(copy.inputs.prefix(2)) + [builder.constant(fill, "\(source)_fill")]
        + copy.inputs.dropFirst(3)
    }
    let unquantized = node.outputs.filter { !$0.isEmpty && plan.values[$0] == nil }
    guard unquantized.isEmpty else { return emitFloat(node) }
    copy.outputs = node.outputs.map { $0.isEmpty ? $0 : builder.fresh("\($0)_quantized") }
    builder.append(copy)
    for (output, codes) in zip(node.outputs, copy.outputs) where !output.isEmpty {
      define(output, codes: codes)
    }
  }

  /// Writes an operator on codes in place of `node`, which keeps its name and attributes.
  private mutating func emit(
    _ node: Node, as operatorType: String, _ domain: String, _ operands: [String],
    _ result: String, adding: [String: Attribute] = [:], dropping: [String] = []
  ) {
    var copy = node
    copy.operatorType = operatorType
    copy.domain = domain
    copy.inputs = operands
    copy.attributes.merge(adding) { _, new in new }
    for name in dropping { copy.attributes[name] = nil }
    let raw = builder.fresh("\(result)_quantized")
    copy.outputs = [raw]
    builder.append(copy)
    define(result, codes: clipped(raw, result))
  }
}
