/// How the next configuration is chosen.
public enum TuningMethod: String, Sendable, Hashable, CaseIterable {
  /// The best that boosted trees predict from what was measured (Lee et al., "Quantune", 2022).
  case boosted
  /// One after the other.
  case exhaustive
  /// In random order, none twice.
  case random
}

/// Chooses the configuration to measure next.
///
/// The seed settles one random order of all configurations. `random` follows it. `boosted` follows it for the
/// first ``firstTrials``; then trees are fitted to all measurements, and of the configurations not yet measured the
/// one of the highest prediction is next, of equal ones the first in the random order; but every
/// ``explorationPeriod``-th trial takes the next in the random order, whatever is predicted of it. The same
/// seed and the same measurements give the same choices.
public struct ConfigurationTuner: Sendable {
  /// Trials of `boosted` before anything is predicted.
  public static let firstTrials = 8
  /// Of so many trials of `boosted` one is not chosen by prediction.
  public static let explorationPeriod = 8

  /// How the next configuration is chosen.
  public let method: TuningMethod
  private let features: [[Double]]
  /// The configurations in the order in which they are taken where nothing is predicted.
  private let order: [Int]
  private var values: [Int: Double] = [:]
  /// The configurations measured, in their order.
  private var measured: [Int] = []

  /// A configuration to measure, and what is predicted of it where something was.
  public struct Choice: Sendable, Hashable {
    /// Its place among the configurations.
    public var configuration: Int
    /// What it is predicted to be worth.
    public var prediction: Double?
  }

  /// Starts.
  ///
  /// - Parameters:
  ///   - method: How the next configuration is chosen.
  ///   - features: Of each configuration.
  ///   - generator: Settles the random order.
  public init(
    _ method: TuningMethod, features: [[Double]],
    using generator: inout some RandomNumberGenerator
  ) {
    self.method = method
    self.features = features
    var order = Array(features.indices)
    if method != .exhaustive {
      // Fisher and Yates; the standard library's own shuffle may change.
      for place in order.indices.dropFirst().reversed() {
        let other = generator.next().multipliedFullWidth(by: UInt64(place + 1)).high
        order.swapAt(place, Int(other))
      }
    }
    self.order = order
  }

  /// The configuration to measure next; `nil` when all are measured.
  public func next() -> Choice? {
    let untried = order.filter { values[$0] == nil }
    guard let first = untried.first else { return nil }
    guard method == .boosted, measured.count >= Self.firstTrials,
      measured.count % Self.explorationPeriod != 0
    else { return Choice(configuration: first) }
    let trees = BoostedTrees(measured.map { features[$0] }, measured.map { values[$0] ?? 0 })
    var best = Choice(configuration: first, prediction: trees.value(of: features[first]))
    for configuration in untried.dropFirst() {
      let prediction = trees.value(of: features[configuration])
      if prediction > best.prediction ?? -.infinity {
        best = Choice(configuration: configuration, prediction: prediction)
      }
    }
    return best
  }

  /// Takes note of what a configuration is worth: more is better, and it is finite.
  public mutating func note(_ value: Double, of configuration: Int) {
    precondition(value.isFinite, "a configuration's worth is no number")
    if values.updateValue(value, forKey: configuration) == nil { measured.append(configuration) }
  }

  /// How many trials it takes to measure a configuration worth at least `target`, when what each is worth
  /// is known beforehand.
  ///
  /// - Parameters:
  ///   - target: The worth that is to be reached.
  ///   - values: What each configuration is worth.
  /// - Returns: `nil` when none is worth so much.
  public func trials(to target: Double, in values: [Double]) -> Int? {
    var tuner = self
    var trials = 0
    while let choice = tuner.next() {
      trials += 1
      guard values[choice.configuration] < target else { return trials }
      tuner.note(values[choice.configuration], of: choice.configuration)
    }
    return nil
  }
}
