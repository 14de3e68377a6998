import Graph

extension QuantizationPlan {
  /// What would be done with each node, before there are data.
  public var outline: Outline {
    Outline(
      nodes: graph.nodes.indices.map { number in
        let node = graph.nodes[number]
        let data = node.inputs.first { values[$0] != nil }
        return Outline.Entry(
          name: node.label, operatorType: node.operatorType, decision: decisions[number].summary,
          weightLevels: weights[number]?.levels,
          activationLevels: decisions[number].isQuantized
            ? data.flatMap { values[$0]?.levels } : nil)
      }, warnings: warnings)
  }

  /// A plan for people and programs.
  public struct Outline: Sendable, Encodable {
    /// One node.
    public struct Entry: Sendable, Encodable {
      /// The node.
      public var name: String
      /// Its operator.
      public var operatorType: String
      /// What becomes of it.
      public var decision: String
      /// Levels of its weights.
      public var weightLevels: Int?
      /// Levels of its input.
      public var activationLevels: Int?
    }
    /// The nodes in order.
    public var nodes: [Entry]
    /// What may cost accuracy.
    public var warnings: [String]

    /// One line a node.
    public var text: String {
      (nodes.map { entry in
        var line = "\(entry.operatorType) \(entry.name): \(entry.decision)"
        if let levels = entry.weightLevels { line += ", \(levels) weight levels" }
        if let levels = entry.activationLevels { line += ", \(levels) activation levels" }
        return line
      } + warnings.map { "warning: \($0)" }).joined(separator: "\n")
    }
  }
}

extension NodeDecision {
  /// The decision in words.
  var summary: String {
    switch self {
    case .quantized: "quantized"
    case .passesThrough: "passes codes through"
    case .fusedIntoQuantizer(let value): "part of the quantizer of '\(value)'"
    case .float(let reason): "float: \(reason)"
    }
  }
}
