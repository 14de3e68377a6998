/// The best precisions of a network's layers for every budget, by the sensitivities of single layers.
///
/// Losses of layers are taken to add up, which holds for small ones; what a model really loses is measured
/// with the whole model (``SensitivityAnalysis/divergence(of:)``).
public struct PrecisionSearch: Sendable {
  /// The layers and what they may have.
  public let space: PrecisionSpace
  /// What each choice costs each layer, in the order of `space.layers` and `space.choices`.
  public let sensitivities: [[LayerSensitivity]]
  /// What is counted.
  public let kind: PrecisionBudget.Kind
  /// All best choices.
  public let front: ChoiceFront

  /// What is not in the layers: ``cost(_:)`` of the coarsest model is what it really costs.
  private let base: Int
  private let costs: [[Int]]
  /// For each of the space's groups, the options of its layers.
  let joint: [[[Int]]]

  /// Finds all best choices.
  ///
  /// - Parameters:
  ///   - space: The layers and what they may have.
  ///   - sensitivities: One row a layer, one entry a choice.
  ///   - kind: What is counted; times must have been measured for `time`.
  ///   - coarsestBytes: Bytes of the constants of the model whose layers all have the last of the choices.
  public init(
    _ space: PrecisionSpace, _ sensitivities: [[LayerSensitivity]], kind: PrecisionBudget.Kind,
    coarsestBytes: Int
  ) {
    self.space = space
    self.sensitivities = sensitivities
    self.kind = kind
    let costs = zip(space.layers, sensitivities).map { layer, row in
      row.map { Self.cost(of: layer, $0, kind) }
    }
    // Bytes of a layer are what it adds to the float network's: from the smallest on they count from 0.
    let least = costs.map { kind == .bytes ? $0.min() ?? 0 : 0 }
    self.costs = zip(costs, least).map { row, least in row.map { $0 - least } }
    base = kind == .bytes ? coarsestBytes - self.costs.reduce(0) { $0 + ($1.last ?? 0) } : 0
    joint = space.groups.map { Self.jointOptions(of: $0.count, space.choices) }
    front = ChoiceFront(
      zip(space.groups, joint).map { [costs = self.costs] group, joint in
        joint.map { options in
          zip(group, options).reduce(into: ChoiceFront.Option(cost: 0, loss: 0)) { sum, layer in
            sum.cost += costs[layer.0][layer.1]
            sum.loss += sensitivities[layer.0][layer.1].divergence.loss
          }
        }
      })
  }

  /// What layers can have whose activations have one number of levels: every combination, or one precision
  /// for all where there are more than ``mostCombinations``.
  private static func jointOptions(of count: Int, _ choices: [LayerPrecision]) -> [[Int]] {
    Dictionary(grouping: choices.indices, by: { choices[$0].activationLevels })
      .sorted { $0.key > $1.key }
      .flatMap { _, options -> [[Int]] in
        var found: [[Int]] = [[]]
        for _ in 0..<count {
          guard found.count * options.count <= mostCombinations else {
            return options.map { [Int](repeating: $0, count: count) }
          }
          found = found.flatMap { start in options.map { start + [$0] } }
        }
        return found
      }
  }

  private static let mostCombinations = 256

  /// The option of every layer at a point of the front.
  private func options(at point: Int) -> [Int] {
    var options = [Int](repeating: 0, count: space.layers.count)
    for (group, (joint, chosen)) in zip(space.groups, zip(joint, front.options(at: point))) {
      for (layer, option) in zip(group, joint[chosen]) { options[layer] = option }
    }
    return options
  }

  private static func cost(
    of layer: PrecisionSpace.Layer, _ sensitivity: LayerSensitivity, _ kind: PrecisionBudget.Kind
  ) -> Int {
    let bits = sensitivity.precision.bits
    switch kind {
    case .bytes: return sensitivity.bytes
    case .bops: return layer.multiplications * bits.weights * bits.activations
    case .time:
      guard let time = sensitivity.nanoseconds else {
        preconditionFailure("layer '\(layer.label)' was not timed")
      }
      return time
    }
  }

  /// What a choice costs in the unit of the budget.
  public func cost(_ options: [Int]) -> Int {
    base + zip(costs, options).reduce(0) { $0 + $1.0[$1.1] }
  }

  /// What an option costs a layer in the unit of the budget; of bytes, those beyond its smallest option.
  public func cost(ofLayer layer: Int, at option: Int) -> Int { costs[layer][option] }

  /// What a choice loses, if losses of layers add up.
  public func loss(_ options: [Int]) -> Double {
    zip(sensitivities, options).reduce(0) { $0 + $1.0[$1.1].divergence.loss }
  }

  /// The options of least loss that cost at most `budget`; `nil` when all cost more.
  public func best(within budget: Int) -> [Int]? {
    front.best(within: budget - base).map(options(at:))
  }

  /// The options that cost least.
  public var cheapest: [Int] { options(at: 0) }

  /// An expected loss that no choice within `budget` is below; `nil` when all cost more.
  public func bound(within budget: Int) -> Double? {
    guard !front.isExact else {
      return front.best(within: budget - base).map { front.points[$0].loss }
    }
    return front.leastLoss(within: budget - base)
  }

  /// The costs of the cheapest and of the finest point of the front.
  public var range: ClosedRange<Int> {
    let costs = front.points.map(\.cost)
    return base + (costs.first ?? 0)...base + (costs.last ?? 0)
  }

  /// Options along the front: at `count` evenly spread costs, those that are different.
  public func curve(_ count: Int) -> [[Int]] {
    precondition(count > 1)
    var found: [[Int]] = []
    for part in 0..<count {
      let budget = range.lowerBound + (range.upperBound - range.lowerBound) * part / (count - 1)
      if let options = best(within: budget), options != found.last {
        found.append(options)
      }
    }
    return found
  }
}
