import Calibration
import Graph
public import Operations
public import PostTraining
import Tensors

/// Learns how the weights of a quantized model are rounded, and in blocks also its scales and biases, from
/// the float network's values on unlabelled samples.
///
/// Layer after layer (AdaRound) or block after block (BRECQ), with what the quantized part before it gives
/// as data and what the float network gives as target; in blocks quantizers of activations are left out at
/// random (QDrop). For every layer or block the samples run through both networks again, so that memory
/// holds the samples of one place, of no more bytes than ``ReconstructionSettings/heldBytes``, however many
/// there are. See <doc:PostTrainingPasses>.
public struct Reconstruction<B: Backend> {
  /// How.
  public let settings: ReconstructionSettings
  /// The samples.
  public let replay: CalibrationReplay
  /// Where.
  public let backend: B

  /// Makes a reconstruction.
  public init(_ settings: ReconstructionSettings, replay: CalibrationReplay, on backend: B) {
    (self.settings, self.replay, self.backend) = (settings, replay, backend)
  }

  /// What the pass is called.
  private var pass: Improvement { settings.scope == .layers ? .adaround : .reconstruct }

  /// Every eighth sample judges what was learned from the others; with fewer than 16, all do both.
  static func split(_ samples: [Int]) -> (learning: [Int], judging: [Int]) {
    guard samples.count >= 16 else { return (samples, samples) }
    let places = samples.indices
    return (
      places.filter { $0 % 8 != 3 }.map { samples[$0] },
      places.filter { $0 % 8 == 3 }.map { samples[$0] }
    )
  }

  /// Trains all layers or blocks of `model`.
  ///
  /// - Parameters:
  ///   - model: The quantized network, rounded by what was asked for beside.
  ///   - progress: Called after each step, with the number of steps of all.
  /// - Returns: The model with what was learned, and what there is to say of it.
  /// - Throws: `GraphError` for a network whose batches cannot be told apart, and for values that are not
  ///   finite, naming the layers.
  public func refined(
    _ model: QuantizedModel, progress: (_ steps: Int, _ layers: String) -> Void = { _, _ in }
  ) throws -> ReconstructedModel {
    guard replay.count > 0 else {
      throw GraphError.invalid("\(pass.rawValue): there are no samples to learn from")
    }
    let chosen = replay.chosen
    let sample = try replay.sample(chosen[0])
    var network = try ReconstructedNetwork(model, batch: settings.batch, sample: sample.inputs)
    let training = UnitTraining(
      settings: settings, pass: pass, replay: replay, samples: Self.split(chosen),
      backend: backend)
    var units = network.units(settings.scope)
    units.removeAll { $0.layers.isEmpty }
    var settled: Set<String> = []
    var outcomes: [ReconstructedModel.Unit] = []
    for (number, unit) in units.enumerated() {
      let name = network.name(of: unit)
      var outcome: ReconstructedModel.Unit
      do {
        let found = try training.train(
          unit, number: number, in: &network, settled: &settled,
          progress: { progress(units.count * settings.iterations, name) })
        outcome = .init(
          layers: unit.layers.map(network.label), error: found.error,
          signalToNoise: found.ratios.map { [$0.before, $0.after] }, reason: found.reason,
          held: found.held, keepsCodes: found.keepsCodes)
      } catch let problem as GraphError where problem.kind == .unsupported {
        outcome = .init(
          layers: unit.layers.map(network.label), reason: "\(problem)")
      }
      outcomes.append(outcome)
    }
    let reached = Set(units.flatMap(\.layers))
    let missed = network.weights.keys.filter { !reached.contains($0) }.sorted()
    outcomes += missed.map {
      .init(layers: [network.label($0)], reason: "it has no part in the outputs")
    }
    return ReconstructedModel(
      model: try model.replacing(
        network.plan, weights: network.weights, biases: network.biases),
      pass: pass, settings: settings, batch: network.batch, samples: training.samples,
      units: outcomes)
  }
}

/// A model whose rounding was learned.
public struct ReconstructedModel: Sendable {
  /// The model.
  public let model: QuantizedModel
  let pass: Improvement
  let settings: ReconstructionSettings
  let batch: Int
  let samples: (learning: [Int], judging: [Int])
  /// The layers and blocks, in the order in which they were trained.
  public let units: [Unit]

  /// What became of a layer or block.
  public struct Unit: Sendable, Hashable, CustomStringConvertible {
    /// Names of its layers.
    public var layers: [String]
    /// The squared error of its outputs on the samples that judge, over that of before; `nil` where it was
    /// not trained.
    public var error: Double?
    /// The signal-to-noise ratio of its outputs before and after, in decibels.
    public var signalToNoise: [Double]?
    /// Why it stays as it was; `nil` where it has learned.
    public var reason: String?
    /// Samples that were held at a time.
    public var held = 0
    /// Whether codes of weights stayed, because scales and biases alone are better.
    public var keepsCodes = false

    /// One line.
    public var description: String {
      let name = layers.joined(separator: ", ")
      guard let error, let signalToNoise else { return "\(name): \(reason ?? "")" }
      func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
      return
        "\(name): \(tenths(signalToNoise[0])) dB before, \(tenths(signalToNoise[1])) dB after, "
        + "squared error \(tenths(100 * error)) % of before" + (reason.map { ": \($0)" } ?? "")
    }
  }

  /// What was done and what was not, in sentences.
  public var notes: [String] {
    let learned = units.filter { $0.reason == nil }
    let what = settings.scope == .layers ? "layers" : "blocks"
    let held = learned.map(\.held).min() ?? 0
    var notes = [
      "\(pass.rawValue): \(learned.count) of \(units.count) \(what) have learned, in "
        + "\(settings.iterations) steps of \(batch) samples each, from \(samples.learning.count) samples"
        + (held > 0 && held < samples.learning.count ? ", \(held) or more of them at a time" : "")
        + (samples.judging == samples.learning
          ? "; there are too few for others to judge what was learned"
          : ", judged by \(samples.judging.count) others")
    ]
    let kept = learned.count(where: \.keepsCodes)
    if kept > 0 {
      notes.append(
        "\(pass.rawValue): \(kept) of these \(what) keep their codes: with the learned scales and biases "
          + "alone they are better on the samples that judge")
    }
    let left = Dictionary(grouping: units.filter { $0.reason != nil }, by: { $0.reason ?? "" })
    for (reason, units) in left.sorted(by: { $0.key < $1.key }) {
      let names = units.flatMap(\.layers).map { "'\($0)'" }.joined(separator: ", ")
      notes.append("\(pass.rawValue): left as they were, because \(reason): \(names)")
    }
    return notes
  }
}

extension ReconstructedNetwork {
  /// How messages name a unit.
  func name(of unit: ReconstructionUnit) -> String {
    let names = unit.layers.map(label)
    guard let first = names.first, let last = names.last, names.count > 1 else {
      return "layer '\(names.first ?? "")'"
    }
    return "block '\(first)' to '\(last)'"
  }
}
