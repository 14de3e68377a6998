import Graph

/// What the settings say about one weighted node.
struct LayerSettings {
  var weightLevels: Int
  var activationLevels: Int
  var granularity: Granularity
  /// Why the node is to stay in float, if it is.
  var floatReason: String?
}

extension QuantizationSettings {
  /// The settings of `node`, where `isBorder` says that it is one of the first or last weighted
  /// layers.
  func layer(_ node: Node, isBorder: Bool) -> LayerSettings {
    var layer = LayerSettings(
      weightLevels: weights.levels, activationLevels: activations.levels, granularity: granularity)
    if isBorder, let borderLevels {
      layer.weightLevels = max(layer.weightLevels, borderLevels)
      layer.activationLevels = max(layer.activationLevels, borderLevels)
    }
    if !only.isEmpty, !only.contains(where: { $0.matches(node) }) {
      layer.floatReason = "is not among the nodes asked for"
    }
    if let pattern = skip.first(where: { $0.matches(node) }) {
      layer.floatReason = "left in float by the pattern '\(pattern)'"
    }
    for rule in layers where rule.pattern.matches(node) {
      layer.weightLevels = rule.weightLevels ?? layer.weightLevels
      layer.activationLevels = rule.activationLevels ?? layer.activationLevels
      layer.granularity = rule.granularity ?? layer.granularity
      if rule.staysFloat { layer.floatReason = "left in float by the rule for '\(rule.pattern)'" }
    }
    return layer
  }

  /// Whether a filter keeps `node`, weighted or not, in float; the reason if so.
  func skipReason(_ node: Node) -> String? {
    if let pattern = skip.first(where: { $0.matches(node) }) {
      return "left in float by the pattern '\(pattern)'"
    }
    if let rule = layers.last(where: { $0.staysFloat && $0.pattern.matches(node) }) {
      return "left in float by the rule for '\(rule.pattern)'"
    }
    return nil
  }

  /// Checks that every pattern chooses a node.
  ///
  /// - Throws: ``SettingsError`` naming the pattern.
  func checkPatterns(_ nodes: [Node]) throws(SettingsError) {
    for pattern in only + skip + layers.map(\.pattern)
    where !nodes.contains(where: { pattern.matches($0) }) {
      throw SettingsError("the pattern '\(pattern)' matches no node of the model")
    }
  }
}
