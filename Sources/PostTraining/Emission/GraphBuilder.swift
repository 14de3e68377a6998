import Graph
import Quantization
import Tensors

/// A graph that is being written, with names that nobody else uses.
struct GraphBuilder {
  private(set) var nodes: [Node] = []
  private(set) var initializers: [String: Tensor] = [:]
  private var names: Set<String>

  /// Starts with the names of `graph` taken.
  init(avoiding graph: Graph) {
    names = Set(graph.initializers.keys)
    names.formUnion(graph.inputs.map(\.name))
    names.formUnion(graph.outputs.map(\.name))
    for node in graph.nodes {
      names.insert(node.name)
      names.formUnion(node.inputs)
      names.formUnion(node.outputs)
    }
  }

  /// `base`, or `base_2`, `base_3`... if it is taken.
  mutating func fresh(_ base: String) -> String {
    var name = base
    var number = 2
    while !names.insert(name).inserted {
      name = "\(base)_\(number)"
      number += 1
    }
    return name
  }

  /// Adds a constant under a fresh name made of `base`.
  mutating func constant(_ tensor: Tensor, _ base: String) -> String {
    let name = fresh(base)
    initializers[name] = tensor
    return name
  }

  /// Takes over a constant with its name.
  mutating func keep(_ name: String, _ tensor: Tensor) { initializers[name] = tensor }

  /// Adds a node as it is.
  mutating func append(_ node: Node) { nodes.append(node) }

  /// Adds a node of one output, named after the output, under a fresh name made of `base`.
  mutating func node(
    _ operatorType: String, domain: String = "", _ inputs: [String], output base: String,
    attributes: [String: Attribute] = [:]
  ) -> String {
    let output = fresh(base)
    node(operatorType, domain: domain, inputs, writing: output, attributes: attributes)
    return output
  }

  /// Adds a node that writes the value `output`.
  mutating func node(
    _ operatorType: String, domain: String = "", _ inputs: [String], writing output: String,
    attributes: [String: Attribute] = [:]
  ) {
    nodes.append(
      Node(
        name: fresh("\(output)/\(operatorType)"), operatorType, domain: domain, inputs: inputs,
        outputs: [output], attributes: attributes))
  }
}
