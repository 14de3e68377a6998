import Graph
import Quantization
import Tensors

extension Emitter {
  /// Writes the graph with QuantizeLinear and DequantizeLinear around float operators.
  mutating func emitQDQ() -> Graph {
    for input in plan.graph.inputs where plan.values[input.name] != nil { quantize(input.name) }
    for (number, node) in index.nodes.enumerated() where !isFused(number) {
      if plan.weights[number] != nil {
        emitWeighted(node, number)
      } else if plan.decisions[number] == .quantized {
        emitFloat(node, operands: node.inputs.map { quantizedOperand($0, of: node) })
      } else {
        emitFloat(node)
      }
    }
    return finish()
  }

  /// A weighted node on dequantized operands.
  mutating func emitWeighted(_ node: Node, _ number: Int) {
    var operands = [float(node.inputs[0]), dequantizedWeights(number)]
    if let bias = dequantizedBias(number) { operands.append(bias) }
    emitFloat(node, operands: operands)
  }

  /// An operand of a quantized node; a constant one is quantized with its own quantizer.
  mutating func quantizedOperand(_ value: String, of node: Node) -> String {
    guard let operand = model.constants[value], node.takesData(value) else { return float(value) }
    let names = constantOperand(value, operand)
    return builder.node(
      "DequantizeLinear", [names.codes, names.parameters.scale, names.parameters.zeroPoint],
      output: "\(value)_dequantized")
  }

  /// Codes and parameters of a constant operand.
  mutating func constantOperand(
    _ value: String, _ operand: QuantizedConstant
  ) -> (codes: String, parameters: Parameters) {
    let codes = builder.constant(operand.codes, "\(value)_quantized")
    let parameters = Parameters(
      scale: builder.constant(.init(scalar: operand.quantizer.scale), "\(value)_scale"),
      zeroPoint: builder.constant(
        CodeStorage.scalar(operand.quantizer.zeroPoint, as: .uint8), "\(value)_zero_point"))
    return (codes, parameters)
  }
}

extension Node {
  /// Whether `value` is an operand that is computed with, not a shape, an axis or a bound.
  func takesData(_ value: String) -> Bool {
    switch operatorType {
    case "Add", "Mul", "MatMul", "Concat": true
    default: inputs.first == value
    }
  }
}
