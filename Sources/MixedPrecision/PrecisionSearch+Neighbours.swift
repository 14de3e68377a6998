extension PrecisionSearch {
  /// Choices near `options` that cost at most `budget`, by rising expected loss: one group of layers has
  /// other precisions, or two have, one of them finer ones and the other coarser.
  ///
  /// What losses do together shows in measurements alone; a choice that is a little worse by their sum can
  /// be better in truth.
  public func neighbours(of options: [Int], within budget: Int) -> [[Int]] {
    let single = space.groups.indices.flatMap { changes(ofGroup: $0, from: options) }
    let (cost, loss) = (self.cost(options), self.loss(options))
    var found: [(loss: Double, options: [Int])] = []
    func add(_ some: [Change]) {
      guard some.reduce(cost, { $0 + $1.cost }) <= budget else { return }
      var other = options
      for change in some {
        for (layer, option) in zip(space.groups[change.group], change.options) {
          other[layer] = option
        }
      }
      found.append((some.reduce(loss) { $0 + $1.loss }, other))
    }
    for (place, first) in single.enumerated() {
      add([first])
      for second in single[..<place]
      where second.group != first.group && (first.cost < 0) != (second.cost < 0) {
        add([second, first])
      }
    }
    return found.sorted {
      $0.loss == $1.loss ? $0.options.lexicographicallyPrecedes($1.options) : $0.loss < $1.loss
    }.map(\.options)
  }

  private struct Change {
    var group: Int
    var options: [Int]
    /// What it adds.
    var cost: Int
    var loss: Double
  }

  /// Other options of a group, those whose costs are nearest; layers that share a quantizer have many.
  private func changes(ofGroup group: Int, from options: [Int]) -> [Change] {
    let layers = space.groups[group]
    let own = layers.map { options[$0] }
    return joint[group].filter { $0 != own }.map { other in
      Change(
        group: group, options: other,
        cost: zip(layers, zip(own, other)).reduce(0) { sum, layer in
          sum + cost(ofLayer: layer.0, at: layer.1.1) - cost(ofLayer: layer.0, at: layer.1.0)
        },
        loss: zip(layers, zip(own, other)).reduce(0) { sum, layer in
          sum + sensitivities[layer.0][layer.1.1].divergence.loss
            - sensitivities[layer.0][layer.1.0].divergence.loss
        })
    }.sorted {
      $0.cost.magnitude == $1.cost.magnitude
        ? $0.options.lexicographicallyPrecedes($1.options) : $0.cost.magnitude < $1.cost.magnitude
    }.prefix(Self.mostChanges).map(\.self)
  }

  private static let mostChanges = 8
}
