import Graph

extension Graph {
  /// Removes Identity and Dropout, which does nothing in inference; outputs of the graph keep theirs.
  mutating func removeIdentities() {
    let kept = Set(outputs.map(\.name))
    var replacement: [String: String] = [:]
    func source(_ name: String) -> String {
      var name = name
      while let other = replacement[name] { name = other }
      return name
    }
    nodes.removeAll { node in
      guard node.domain.isEmpty, ["Identity", "Dropout"].contains(node.operatorType),
        let input = node.inputs.first, let output = node.outputs.first, !kept.contains(output),
        node.outputs.dropFirst().allSatisfy(\.isEmpty)
      else { return false }
      replacement[output] = source(input)
      return true
    }
    guard !replacement.isEmpty else { return }
    for position in nodes.indices { nodes[position].inputs = nodes[position].inputs.map(source) }
  }
}
