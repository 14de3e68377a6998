import Glibc
import LowBit

/// A configuration that was measured.
struct TunerTrial {
  /// From 1.
  var number: Int
  /// Its place in the space.
  var configuration: Int
  /// The value of each axis.
  var values: [String]
  /// What it was predicted to be worth, where something was.
  var prediction: Double?
  var score: MeasuredPrecision.Score?
  var divergence: OutputDivergence
  var bytes: Int

  init(
    _ space: TunerSpace, _ choice: ConfigurationTuner.Choice, number: Int,
    _ entry: SearchRecord.Entry
  ) {
    self.number = number
    configuration = choice.configuration
    values = zip(space.space.axes, space.space.configurations[choice.configuration]).map {
      $0.values[$1]
    }
    prediction = choice.prediction
    score = entry.score
    divergence = OutputDivergence(divergence: entry.divergence, sqnr: entry.sqnr)
    bytes = entry.bytes
  }

  /// What it is worth, more being better: the score; without one the signal-to-noise ratio of the answers
  /// in dB, or the divergence on such a scale.
  var worth: Double {
    // Less than -200 dB of noise is none.
    score?.value ?? -10 * log10(max(divergence.loss, 1e-20))
  }

  /// For a page.
  var picture: TunerPicture.Trial {
    .init(
      number: number, values: values, prediction: prediction, worth: worth, score: score,
      divergence: divergence, bytes: bytes)
  }

  /// Whether `a` is better: more worth; of equal worth with answers nearer the float network's; with fewer
  /// bytes; earlier in the space.
  static func isBetter(_ a: Self, _ b: Self) -> Bool {
    (-a.worth, a.divergence.loss, a.bytes, a.configuration)
      < (-b.worth, b.divergence.loss, b.bytes, b.configuration)
  }
}

/// How many trials each method takes to the best configuration, over seeds.
struct TunerComparison: Encodable {
  /// Trials to a configuration at least as good as the target.
  struct Row: Encodable {
    var method: String
    var mean: Double
    var least: Int
    var most: Int
  }

  static let seeds = 20

  var seeds = Self.seeds
  var configurations: Int
  /// What the best is worth, and how many are.
  var best: Double
  var bestCount: Int
  /// Trials to one of the best.
  var toBest: [Row]
  /// What the hundredth part of the configurations that is best is worth at least.
  var nearlyBest: Double
  /// Trials to one of these.
  var toNearlyBest: [Row]

  init(_ worth: [Double], _ tuner: (TuningMethod, UInt64) -> ConfigurationTuner) {
    let sorted = worth.sorted(by: >)
    configurations = worth.count
    best = sorted[0]
    bestCount = sorted.count { $0 == sorted[0] }
    nearlyBest = sorted[(sorted.count + 99) / 100 - 1]
    func rows(_ target: Double) -> [Row] {
      [TuningMethod.boosted, .random, .exhaustive].map { method in
        let trials = (0..<UInt64(method == .exhaustive ? 1 : Self.seeds)).compactMap {
          tuner(method, $0).trials(to: target, in: worth)
        }
        return Row(
          method: method.rawValue, mean: Double(trials.reduce(0, +)) / Double(trials.count),
          least: trials.min() ?? 0, most: trials.max() ?? 0)
      }
    }
    toBest = rows(best)
    toNearlyBest = rows(nearlyBest)
  }
}
