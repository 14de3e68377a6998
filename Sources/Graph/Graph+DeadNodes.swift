extension Graph {
  /// Removes nodes whose results nobody reads, and constants that nobody reads.
  public mutating func removeDeadNodes() {
    var wanted = Set(outputs.map(\.name))
    var kept: [Node] = []
    for node in nodes.reversed() where node.outputs.contains(where: wanted.contains) {
      kept.append(node)
      wanted.formUnion(node.valuesRead)
    }
    nodes = kept.reversed()
    initializers = initializers.filter { wanted.contains($0.key) }
  }
}
