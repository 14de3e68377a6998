import Checksums
import Files
import LowBit

/// What `qtool train` was asked for, with model and data open.
struct TrainingJob {
  let command: Train
  let graph: Graph
  /// The model that teaches, where there are no labels.
  let teacher: Graph
  let stream: TrainingStream
  private let rates: RateSchedule
  private let quantization: QuantizedTrainingSettings
  let folder: RunFolder
  let validation: (data: any Dataset, batch: (size: Int, isFixed: Bool))?

  init(_ command: Train) throws {
    self.command = command
    quantization = try command.quantized.settings(
      command.quantization.settings(), normalization: command.normalization)
    let options = command.training
    var graph = try Self.read(command.model)
    teacher = try options.teacher.map { try Self.read($0) } ?? graph
    if options.initialize {
      let (initialized, kept) = try located(command.model) {
        try graph.initialized(seed: command.common.seed)
      }
      graph = initialized
      if !kept.isEmpty {
        Console.shared.note(
          "not weights, so not drawn anew: \(kept.map { "'\($0)'" }.joined(separator: ", "))")
      }
    }
    self.graph = graph
    let inputs = graph.inputs.map { ModelInput($0) }
    let seed = command.common.seed
    let specification = try DataSpecification(parsing: command.data.data)
    stream = try TrainingStream(
      // The batch of training is free, whatever the model states.
      specification.open(
        for: inputs.map(\.withFreeBatch), seed: seed, tensorReader: InputFiles.tensor),
      batchSize: options.batch ?? specification.batch ?? 64, seed: seed,
      augmentation: options.augmentation())
    rates = try options.rates(stepsPerEpoch: stream.batchesPerEpoch)
    validation = try command.validation.map { text in
      let specification = try DataSpecification(parsing: text)
      return (
        try specification.open(for: inputs, seed: seed, tensorReader: InputFiles.tensor),
        try specification.batchSize(for: inputs, preferred: 64)
      )
    }
    folder = RunFolder(
      command.runFolder ?? command.target.output + ".run",
      identity: try Self.identity(command, samples: stream.data.count))
  }

  /// The steps of stages.
  func plan(_ stages: [TrainingStage]) throws -> TrainingPlan {
    let length = command.training.length
    let plan = TrainingPlan(
      stageCount: stages.count, stepsPerEpoch: stream.batchesPerEpoch, length: length,
      leading: try command.quantized.leading(length, of: stages), rates: rates,
      restartsRates: command.training.restartsRate)
    // What the last stage settles is trained with and measured by its steps.
    guard !plan.steps(ofStage: stages.count - 1).isEmpty else {
      throw UsageError(
        "--epochs: \(plan.stepCount) steps in all leave none for the last of \(stages.count) stages"
      )
    }
    return plan
  }

  /// Float training of the model.
  func floatSession<B: Backend>(on backend: B) throws -> FloatTraining<B> {
    let options = command.training
    return try located(command.model) {
      try FloatTraining(
        graph, batch: stream.batchSize, loss: options.stepLoss, optimizer: options.stepOptimizer,
        normalization: command.normalization, on: backend)
    }
  }

  /// Quantization-aware training of the model.
  func quantizedSession<B: Backend>(on backend: B) throws -> QuantizedSession<B> {
    let options = command.training
    return try located(command.model) {
      try QuantizedSession(
        graph, settings: quantization, batch: stream.batchSize, loss: options.stepLoss,
        optimizer: options.stepOptimizer, on: backend)
    }
  }

  /// Checks before the first step that the model that is to be written can be requantized as it is to be
  /// and keeps the accumulators that are asked for: the model is quantized as it is, on a batch of the data.
  ///
  /// - Returns: What bounds the accumulators, layer by layer; empty where no width is asked for.
  /// - Throws: `GraphError` naming the file and the node.
  func checkIntegers<B: Backend>(on backend: B) throws -> [LayerBound] {
    let settings = quantization.quantization
    let accumulator = quantization.accumulator
    guard settings.requantization != .float || accumulator != nil else { return [] }
    let options = command.training
    // The schedule `direct` needs one stage, and filters with one scale.
    var schedule = Schedule.direct
    if case .group = settings.granularity { schedule = .layer }
    let (quantized, bounds) = try located(command.model) {
      var trial = try QuantizedSession(
        graph,
        settings: QuantizedTrainingSettings(
          quantization: settings, schedule: schedule, accumulator: accumulator),
        batch: stream.batchSize, loss: options.stepLoss, optimizer: options.stepOptimizer,
        on: backend)
      let calibration = try stream.calibration(count: stream.batchSize)
      for stage in trial.stages.indices { try trial.begin(stage: stage, calibration: calibration) }
      return try (trial.exportedModel(), trial.layerBounds)
    }
    if settings.requantization != .float { try quantized.checkRequantization(of: command.model) }
    return bounds
  }

  private static func read(_ path: String) throws -> Graph {
    let graph = try ONNXReader.read(path: path)
    let unsupported = try Executor<ReferenceBackend>.unsupportedNodes(of: graph)
    guard unsupported.isEmpty else {
      throw GraphError.unsupported(unsupported.map(\.message).joined(separator: "\n"))
        .located(in: path)
    }
    return graph
  }

  /// The settings that results depend on, and the models.
  private static func identity(_ command: Train, samples: Int) throws -> [String] {
    let free: Set = [
      "checkpoint-steps", "device", "device-memory", "json", "output", "overwrite", "quiet",
      "resume", "run", "threads", "tuning", "verbose",
    ]
    let settings = try Configuration.resolvedSettings(except: free)
    let models = try [command.model, command.training.teacher].compactMap(\.self).map { path in
      var hash = SHA256()
      let file = try MappedFile(path: path)
      withExtendedLifetime(file) { hash.update(file.bytes) }
      return "model of SHA-256 " + SHA256.hexadecimal(hash.finalize())
    }
    return ["\(samples) samples"] + models + settings
  }
}

extension ModelInput {
  /// The input for any number of samples.
  fileprivate var withFreeBatch: ModelInput {
    var input = self
    if input.shape?.isEmpty == false { input.shape?[0] = nil }
    return input
  }
}
