import ArgumentParser
import Checksums
import Files
import LowBit

/// What `qtool train` was asked for, with model and data open.
struct TrainingJob {
  let command: Train
  let graph: Graph
  let stream: TrainingStream
  let plan: TrainingPlan
  let folder: RunFolder
  private let inputs: [ModelInput]
  private let validation: (data: any Dataset, batch: (size: Int, isFixed: Bool))?
  private let teacher: Graph

  init(_ command: Train) throws {
    self.command = command
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
    // The batch of training is free, whatever the model states.
    inputs = graph.inputs.map { ModelInput($0) }
    let specification = try DataSpecification(parsing: command.data.data)
    let seed = command.common.seed
    stream = try TrainingStream(
      specification.open(
        for: inputs.map(\.withFreeBatch), seed: seed, tensorReader: InputFiles.tensor),
      batchSize: options.batch ?? specification.batch ?? 64, seed: seed,
      augmentation: options.augmentation())
    plan = TrainingPlan(
      stageCount: 1, stepsPerEpoch: stream.batchesPerEpoch, length: options.length,
      rates: try options.rates(stepsPerEpoch: stream.batchesPerEpoch),
      restartsRates: options.restartsRate)
    validation = try command.validation.map { [inputs] text in
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

  private static func read(_ path: String) throws -> Graph {
    let graph = try ONNXReader.read(path: path)
    let unsupported = try Executor<ReferenceBackend>.unsupportedNodes(of: graph)
    guard unsupported.isEmpty else {
      throw GraphError.unsupported(unsupported.map(\.message).joined(separator: "\n"))
        .located(in: path)
    }
    return graph
  }

  /// The settings that results depend on, and the model.
  private static func identity(_ command: Train, samples: Int) throws -> [String] {
    let free: Set = [
      "checkpoint-steps", "device", "device-memory", "json", "output", "overwrite", "quiet",
      "resume",
      "run", "threads", "tuning", "verbose",
    ]
    let settings = try Configuration.resolvedSettings().split(separator: "\n")
      .filter { line in
        !line.hasPrefix("#") && !free.contains(String(line.prefix { $0 != " " }))
      }.map(String.init)
    let models = try [command.model, command.training.teacher].compactMap(\.self).map { path in
      var hash = SHA256()
      let file = try MappedFile(path: path)
      withExtendedLifetime(file) { hash.update(file.bytes) }
      return "model of SHA-256 " + SHA256.hexadecimal(hash.finalize())
    }
    return ["\(samples) samples"] + models + settings
  }

  // MARK: Training

  /// Trains on a backend, from the folder's checkpoint where there is one, and writes the model.
  func train<B: Backend>(on backend: B) throws -> TrainingResult {
    let options = command.training
    let session = try located(command.model) {
      try FloatTraining(
        graph, batch: stream.batchSize, loss: options.stepLoss, optimizer: options.stepOptimizer,
        normalization: options.normalization, on: backend)
    }
    let surroundings = try surroundings(targetShape: session.step.targetShape, on: backend)
    var run = TrainingRun(session, on: stream, plan: plan, threads: command.threads)
    var folder = folder
    if folder.hasCheckpoint {
      let checkpoint = try folder.resume()
      do {
        try run.restore(checkpoint)
      } catch let error as GraphError {
        throw UsageError("\(folder.checkpoint): \(error)")
      }
      Console.shared.note("resumed after step \(run.stepsDone) of \(plan.stepCount)")
    }
    let stages = run.session.stages
    var progress = Progress(
      "train", count: (plan.stepCount - run.stepsDone) * stream.batchSize, unit: "images")
    var seconds = 0.0
    do {
      try run.run(surroundings) { event in
        switch event {
        case .began(let stage):
          if stages.count > 1 {
            Console.shared.note("stage \(stage + 1) of \(stages.count): \(stages[stage].name)")
          }
        case .stepped(_, let loss, let accuracy):
          let hits = accuracy.map { "  \(formatted($0, digits: 2)) %" } ?? ""
          progress.advance(
            by: stream.batchSize, detail: "loss \(formatted(loss, digits: 4))\(hits)")
        case .finished(let record):
          try folder.add(record)
          Console.shared.note(record.text)
        case .checkpoint(let tensors): try folder.write(tensors)
        }
      }
      seconds = progress.finish()
    } catch let error as TrainingStopped {
      progress.finish()
      throw UsageError(
        "\(error)"
          + (folder.hasCheckpoint
            ? "; the last checkpoint is kept in '\(folder.checkpoint)'"
            : "; there is no checkpoint yet"))
    }
    try write(run.session.exportedModel())
    return TrainingResult(
      output: command.target.output, run: folder.path, device: backend.name,
      samples: stream.data.count,
      batch: stream.batchSize, steps: plan.stepCount, seconds: seconds, last: folder.records.last)
  }

  private func surroundings<B: Backend>(
    targetShape: [Int], on backend: B
  ) throws -> (TrainingRun<FloatTraining<B>>.Surroundings) {
    let options = command.training
    var needsReference = false
    let targets: (Batch) throws -> Tensor
    if options.loss == .labels {
      guard targetShape.count >= 2, targetShape[0] == stream.batchSize else {
        throw GraphError.unsupported(
          "the output '\(graph.outputs[0].name)' of shape \(targetShape) is not a row of classes for "
            + "each of \(stream.batchSize) samples; --loss distill and mse take any")
      }
      targets = LabelTargets(shape: targetShape).targets
    } else {
      let teacher = try Teacher(
        teacher, batch: stream.batchSize, loss: options.stepLoss, on: backend)
      targets = { try teacher.targets($0.inputs) }
      needsReference = try validation?.data.sample(at: 0).label == nil
    }
    var validate: ((Graph) throws -> Evaluation)?
    if let validation {
      let reference = needsReference ? try Executor(teacher, on: backend) : nil
      validate = { model in
        try Evaluator(Executor(model, on: backend), reference: reference)
          .evaluate(validation.data, batch: validation.batch)
      }
    }
    return .init(
      targets: targets, validate: validate, checkpointSteps: command.checkpointSteps)
  }

  private func write(_ graph: Graph) throws {
    var graph = graph
    graph.producer.name = "qtool"
    graph.producer.version = QTool.configuration.version
    graph.metadata["qtool.version"] = QTool.configuration.version
    graph.metadata["qtool.training"] =
      "\(command.bits.rawValue), \(plan.stepCount) steps of \(stream.batchSize), seed "
      + "\(command.common.seed)"
    graph.metadata["qtool.data"] = stream.data.name
    try ONNXWriter.write(
      graph, to: command.target.output,
      irVersion: QuantizedModel.irVersion(opset: graph.opsets[""] ?? 13),
      overwrite: command.target.overwrite)
  }

  /// What `--dry-run` prints.
  func outline(device: String) throws -> TrainingOutline {
    let session = try located(command.model) {
      try FloatTraining(
        graph, batch: stream.batchSize, loss: command.training.stepLoss,
        optimizer: command.training.stepOptimizer, normalization: command.training.normalization,
        on: ReferenceBackend.shared)
    }
    return TrainingOutline(
      model: command.model, data: stream.data.name, samples: stream.data.count,
      batch: stream.batchSize, leftOver: stream.leftOver, stages: session.stages.map(\.name),
      stepsPerEpoch: plan.stepsPerEpoch, steps: plan.stepCount,
      parameters: session.step.parameters.count, device: device, run: folder.path)
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

/// What `body` throws about a graph, with the name of its file.
private func located<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as GraphError {
    throw error.located(in: path)
  }
}
