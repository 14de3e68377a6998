package import Graph

extension GraphIndex {
  /// The inputs of a node that carry data of the quantized kind: not shapes, bounds or constants.
  package func activationInputs(of index: Int) -> [String] {
    let node = nodes[index]
    let data: [String]
    switch node.operatorType {
    case "Add", "Mul", "MatMul", "Concat": data = node.inputs
    default: data = Array(node.inputs.prefix(1))
    }
    return data.filter { !$0.isEmpty && !isConstant($0) }
  }
}
