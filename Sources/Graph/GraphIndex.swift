public import Tensors

/// Who writes and who reads every value of a graph.
public struct GraphIndex {
  /// The nodes of the graph.
  public let nodes: [Node]
  /// Index of the node that writes a value.
  public private(set) var writer: [String: Int] = [:]
  /// Indices of the nodes that read a value, each once, in order.
  public private(set) var readers: [String: [Int]] = [:]
  /// Names of the graph's inputs.
  public let inputs: Set<String>
  /// Names of the graph's outputs.
  public let outputs: Set<String>
  /// The graph's initializers.
  public let constants: [String: Tensor]

  /// Looks at `graph`.
  public init(_ graph: Graph) {
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

  /// Whether a value is an initializer.
  public func isConstant(_ value: String) -> Bool { constants[value] != nil }

  /// The only node that reads `value`, if nobody else does and it is not an output.
  public func onlyReader(of value: String) -> Int? {
    guard !outputs.contains(value), let all = readers[value], all.count == 1 else { return nil }
    return all[0]
  }
}
