import Graph
import Tensors

/// Who writes and who reads every value of a graph.
struct GraphIndex {
  let nodes: [Node]
  /// Index of the node that writes a value.
  private(set) var writer: [String: Int] = [:]
  /// Indices of the nodes that read a value, each once, in order.
  private(set) var readers: [String: [Int]] = [:]
  let inputs: Set<String>
  let outputs: Set<String>
  let constants: [String: Tensor]

  init(_ graph: Graph) {
    nodes = graph.nodes
    inputs = Set(graph.inputs.map(\.name))
    outputs = Set(graph.outputs.map(\.name))
    constants = graph.initializers
    for (index, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { writer[output] = index }
      for input in Set(node.inputs) where !input.isEmpty {
        readers[input, default: []].append(index)
      }
    }
  }

  func isConstant(_ value: String) -> Bool { constants[value] != nil }

  /// The only node that reads `value`, if nobody else does and it is not an output.
  func onlyReader(of value: String) -> Int? {
    guard !outputs.contains(value), let all = readers[value], all.count == 1 else { return nil }
    return all[0]
  }

  /// The inputs of a node that carry data of the quantized kind: not shapes, bounds or constants.
  func activationInputs(of index: Int) -> [String] {
    let node = nodes[index]
    let data: [String]
    switch node.operatorType {
    case "Add", "Mul", "MatMul", "Concat": data = node.inputs
    default: data = Array(node.inputs.prefix(1))
    }
    return data.filter { !$0.isEmpty && !isConstant($0) }
  }
}
