import LowBit

/// One run of `qtool search --tuner`.
struct TunerRun<B: Backend> {
  /// A float model and what was seen of it.
  private struct Calibrated {
    var float: FloatModel
    var specification: String
    var observations: Observations
  }

  private struct CalibrationKey: Hashable {
    var limit: Int?
    var isEqualized: Bool
  }

  private let command: Search
  private let float: FloatModel
  private let tunerSpace: TunerSpace
  private let backend: B
  private let scorer: ModelScorer<B>?
  private let answers: AnswerComparison<B>
  private var record: SearchRecord
  private var calibrations: [CalibrationKey: Calibrated] = [:]

  init(_ command: Search, _ float: FloatModel, _ space: TunerSpace, on backend: B) throws {
    self.command = command
    self.float = float
    tunerSpace = space
    self.backend = backend
    scorer = try command.score.map {
      try ModelScorer($0, float.prepared, seed: command.common.seed, on: backend)
    }
    answers = try located(command.model) {
      try AnswerComparison(
        with: float.prepared, on: command.data.data, samples: command.samples,
        seed: command.common.seed, by: backend)
    }
    record = try SearchRecord(for: command, float)
    try save()
  }

  /// Measures one configuration after the other, and writes the best.
  mutating func run(_ method: TuningMethod) throws -> TunerResult {
    var tuner = tuner(method, seed: command.common.seed)
    let all = tunerSpace.candidates.count
    let count = min(command.trials ?? (method == .exhaustive ? all : 64), all)
    var trials: [TunerTrial] = []
    var progress = Progress("configurations", count: count, unit: "configurations")
    defer { progress.finish() }
    while trials.count < count, let choice = tuner.next() {
      let candidate = tunerSpace.candidates[choice.configuration]
      let entry = try located("\(command.model): \(candidate.name)") { try measured(candidate) }
      let trial = TunerTrial(
        tunerSpace, choice, number: trials.count + 1, entry)
      tuner.note(trial.worth, of: choice.configuration)
      trials.append(trial)
      progress.advance()
    }
    guard let best = trials.min(by: TunerTrial.isBetter) else {
      throw UsageError("--trials \(count): nothing is measured")
    }
    let candidate = tunerSpace.candidates[best.configuration]
    if let output = command.output { try write(candidate, to: output) }
    return try TunerResult(
      model: command.model, device: backend.name, data: specification(candidate).identity,
      method: method, floatScore: try scorer?.score(float.prepared), space: tunerSpace,
      trials: trials, best: best, output: command.output,
      command: try quantization(candidate), comparison: comparison(trials))
  }

  private func tuner(_ method: TuningMethod, seed: UInt64) -> ConfigurationTuner {
    var generator = SplitMix64(state: seed)
    return ConfigurationTuner(method, features: tunerSpace.space.features, using: &generator)
  }

  // MARK: - A configuration

  private mutating func measured(_ candidate: TunerSpace.Candidate) throws -> SearchRecord.Entry {
    if let known = record.configuration(candidate.name) { return known }
    let graph = try quantized(candidate).model.graph()
    let divergence = try answers.divergence(of: graph)
    let entry = SearchRecord.Entry(
      divergence: divergence.divergence, sqnr: divergence.sqnr, bytes: graph.packedConstantBytes,
      score: try scorer?.score(graph))
    record.setConfiguration(candidate.name, entry)
    try save()
    return entry
  }

  private mutating func quantized(
    _ candidate: TunerSpace.Candidate
  ) throws -> (model: QuantizedModel, calibrated: Calibrated) {
    let calibrated = try calibrated(candidate)
    let observations = calibrated.observations
    let needsReplay = candidate.settings.improvements.contains(.sequential)
    let model = try QuantizedModel(
      calibrated.float.prepared, histograms: observations.histograms,
      channelMeans: observations.channelMeans, patchMoments: observations.patchMoments,
      replay: needsReplay
        ? calibrated.float.replay(of: calibrated.specification, seed: command.common.seed) : nil,
      settings: candidate.settings, on: backend)
    return (model, calibrated)
  }

  private func specification(_ candidate: TunerSpace.Candidate) throws -> DataSpecification {
    let given = try DataSpecification(parsing: command.data.data)
    return candidate.limit.map { given.limited(to: $0) } ?? given
  }

  /// What is seen of as many samples, once for all configurations that have them.
  private mutating func calibrated(_ candidate: TunerSpace.Candidate) throws -> Calibrated {
    let key = CalibrationKey(
      limit: candidate.limit, isEqualized: candidate.settings.improvements.contains(.cle))
    if let known = calibrations[key] { return known }
    var float = float
    if key.isEqualized { _ = try float.equalize() }
    let specification = try specification(candidate)
    var observed: Set<String> = []
    var channelAxes: [String: ChannelAxis] = [:]
    var patches: [String: Set<PatchGeometry>] = [:]
    for other in tunerSpace.candidates
    where other.limit == key.limit
      && other.settings.improvements.contains(.cle) == key.isEqualized
    {
      let plan = try QuantizationPlan(float.prepared, settings: other.settings)
      observed.formUnion(plan.observedValues)
      observed.formUnion(plan.observedResults(for: other.settings))
      if other.settings.improvements.contains(.bias) {
        channelAxes.merge(plan.channelAxes) { first, _ in first }
      }
      patches.merge(plan.patches(for: other.settings)) { $0.union($1) }
    }
    var run = CalibrationRun(graph: float.prepared, specification: specification)
    run.seed = command.common.seed
    let observations = try run.observations(
      of: observed.union(patches.keys), channelAxes: channelAxes, patches: patches, on: backend)
    let calibrated = Calibrated(
      float: float, specification: specification.text, observations: observations)
    calibrations[key] = calibrated
    return calibrated
  }

  private func save() throws {
    if let path = command.record { try record.write(to: path) }
  }

  // MARK: - The best

  private mutating func write(_ candidate: TunerSpace.Candidate, to output: String) throws {
    let (model, calibrated) = try located(command.model) { try quantized(candidate) }
    for doubt in float.original.calibrationDoubts(calibrated.observations.histograms) {
      Console.shared.warn(doubt)
    }
    for warning in model.plan.warnings { Console.shared.warn(warning) }
    let calibration = try calibrated.float.calibration(
      of: calibrated.observations, model.plan, candidate.settings)
    _ = try calibrated.float.write(
      model, calibration, to: output, overwrite: command.overwrite)
  }

  /// The command that writes the same file.
  private func quantization(_ candidate: TunerSpace.Candidate) throws -> [String] {
    ["qtool", "quantize", command.model, "--data", try specification(candidate).text]
      + tunerSpace.given + candidate.arguments
      + (command.common.seed == 0 ? [] : ["--seed", "\(command.common.seed)"])
      + ["-o", command.output ?? "OUT.onnx"]
  }

  /// Trials that each method takes to the best, where all configurations are measured: the measurements
  /// are there, so that the methods can be run on them again and again.
  private func comparison(_ trials: [TunerTrial]) -> TunerComparison? {
    guard trials.count == tunerSpace.candidates.count else { return nil }
    let worth = trials.sorted { $0.configuration < $1.configuration }.map(\.worth)
    return TunerComparison(worth) { method, seed in tuner(method, seed: seed) }
  }
}
