extension Node {
  /// Names of all values that must be there before the node runs: its inputs, and what its
  /// sub-graphs read from outside themselves. A left-out input stands as `""`.
  public var valuesRead: [String] {
    var names = inputs
    for key in attributes.keys.sorted() {
      if case .graph(let graph)? = attributes[key] { names += graph.valuesReadFromOutside }
    }
    return names
  }
}

extension Graph {
  /// Names of the values that a sub-graph reads and does not define, in the order first read.
  public var valuesReadFromOutside: [String] {
    var defined = Set(inputs.map(\.name))
    defined.formUnion(initializers.keys)
    for node in nodes { defined.formUnion(node.outputs) }
    defined.insert("")
    var names: [String] = []
    for name in nodes.flatMap(\.valuesRead) + outputs.map(\.name)
    where defined.insert(name).inserted {
      names.append(name)
    }
    return names
  }
}
