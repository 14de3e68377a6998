/// Names in use in a graph, for making new ones.
public struct ValueNames: Sendable {
  private var taken: Set<String>

  /// The names of all values and nodes of `graph` and of its sub-graphs.
  public init(of graph: Graph) {
    taken = []
    collect(graph)
  }

  private mutating func collect(_ graph: Graph) {
    taken.formUnion(graph.inputs.map(\.name))
    taken.formUnion(graph.outputs.map(\.name))
    taken.formUnion(graph.initializers.keys)
    for node in graph.nodes {
      taken.insert(node.name)
      taken.formUnion(node.inputs)
      taken.formUnion(node.outputs)
      for case .graph(let inner) in node.attributes.values { collect(inner) }
    }
  }

  /// `base`, or `base_2`, `base_3` ... where that is taken; the result is taken from now on.
  public mutating func unique(_ base: String) -> String {
    var name = base
    var number = 2
    while name.isEmpty || !taken.insert(name).inserted {
      name = "\(base)_\(number)"
      number += 1
    }
    return name
  }
}
