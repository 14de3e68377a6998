public import Graph

extension QuantizationPlan {
  /// Settles which nodes and values of `graph` take part; quantizers are assigned later.
  ///
  /// - Throws: ``SettingsError`` for settings out of range and patterns that match nothing;
  ///   `GraphError` for a graph whose nodes have no order.
  public init(_ graph: Graph, settings: QuantizationSettings) throws {
    try settings.validate()
    var graph = graph
    graph.nodes = try graph.sortedNodes()
    try settings.checkPatterns(graph.nodes)
    var planner = Planner(graph, settings: settings)
    self = planner.plan(graph)
  }

  /// The nodes that stay in float, with the reason, in order.
  public var floatNodes: [(node: Node, reason: String)] {
    zip(graph.nodes, decisions).compactMap { node, decision in
      if case .float(let reason) = decision { (node, reason) } else { nil }
    }
  }
}
