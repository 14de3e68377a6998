import ArgumentParser
import LowBit

extension TrainingJob {
  /// Trains on a backend, from the folder's checkpoint where there is one, and writes the model.
  func train<B: Backend>(on backend: B) throws -> TrainingResult {
    switch command.bits {
    case .float:
      let session = try floatSession(on: backend)
      return try train(session, outputShape: session.step.outputShape, on: backend)
    case .quantized:
      if !folder.hasCheckpoint { _ = try checkIntegers(on: backend) }
      let session = try quantizedSession(on: backend)
      return try train(session, outputShape: session.step.outputShape, on: backend)
    }
  }

  /// What `--dry-run` prints.
  func outline(device: String) throws -> TrainingOutline {
    switch command.bits {
    case .float:
      let session = try floatSession(on: ReferenceBackend.shared)
      return try outline(session.stages, parameters: session.step.parameters.count, device: device)
    case .quantized:
      let bounds = try checkIntegers(on: ReferenceBackend.shared)
      let session = try quantizedSession(on: ReferenceBackend.shared)
      var outline = try outline(
        session.stages, parameters: session.step.parameters.count, device: device)
      outline.accumulators = bounds.map { "\($0.layer): \($0.summary)" }
      return outline
    }
  }

  private func outline(
    _ stages: [TrainingStage], parameters: Int, device: String
  ) throws -> TrainingOutline {
    let plan = try plan(stages)
    return TrainingOutline(
      model: command.model, data: stream.data.name, samples: stream.data.count,
      batch: stream.batchSize, leftOver: stream.leftOver, stages: stages.map(\.name),
      stageSteps: stages.indices.map { plan.steps(ofStage: $0).count },
      stepsPerEpoch: plan.stepsPerEpoch, steps: plan.stepCount,
      parameters: parameters, device: device, run: folder.path,
      settings: command.bits == .quantized
        ? try Configuration.resolvedSettings(QuantizedTrainingOptions.names) : [])
  }

  private func train<Session: TrainingSession, B: Backend>(
    _ session: Session, outputShape: [Int], on backend: B
  ) throws -> TrainingResult {
    let plan = try plan(session.stages)
    let surroundings: TrainingRun<Session>.Surroundings = try surroundings(
      outputShape: outputShape, on: backend)
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
    if command.training.reestimate > 0,
      !graph.nodes.contains(where: { $0.operatorType == "BatchNormalization" })
    {
      Console.shared.warn(
        "--reestimate: '\(command.model)' has no BatchNormalization whose statistics could be found"
      )
    }
    let before = try run.session.warnings
    for warning in before { Console.shared.warn(warning) }
    let seconds = try report(&run, surroundings, to: &folder)
    // What became known in the stages.
    for warning in try run.session.warnings where !before.contains(warning) {
      Console.shared.warn(warning)
    }
    let trained = try run.session.exportedModel()
    try write(trained, steps: plan.stepCount)
    return TrainingResult(
      output: command.target.output, run: folder.path, device: backend.name,
      samples: stream.data.count, batch: stream.batchSize, steps: plan.stepCount, seconds: seconds,
      last: folder.records.last, accumulators: try accumulators(of: trained))
  }

  /// What the accumulators of the written model need, layer by layer, where a width was asked for.
  private func accumulators(of graph: Graph) throws -> [String] {
    guard command.bits == .quantized, command.quantized.accumulatorBits != nil else { return [] }
    return try Verifier(graph).proof().layers.map { "\($0.name): \($0.verdict)" }
  }

  /// Runs to the end, with progress, log and checkpoints; returns the seconds that it took.
  private func report<Session: TrainingSession>(
    _ run: inout TrainingRun<Session>, _ surroundings: TrainingRun<Session>.Surroundings,
    to folder: inout RunFolder
  ) throws -> Double {
    let stages = run.session.stages
    var progress = Progress(
      "train", count: (run.plan.stepCount - run.stepsDone) * stream.batchSize, unit: "images")
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
      return progress.finish()
    } catch let error as TrainingStopped {
      progress.finish()
      let kept =
        folder.hasCheckpoint
        ? "the last checkpoint is kept in '\(folder.checkpoint)'" : "there is no checkpoint yet"
      throw UsageError("\(error); \(kept)")
    }
  }

  private func surroundings<Session: TrainingSession, B: Backend>(
    outputShape: [Int], on backend: B
  ) throws -> TrainingRun<Session>.Surroundings {
    let options = command.training
    var reference: Graph?
    if options.loss != .labels, let validation, try validation.data.sample(at: 0).label == nil {
      reference = teacher
    }
    return .init(
      targets: try targets(outputShape, on: backend),
      validate: try validator(reference: reference, on: backend),
      calibrationSamples: command.bits == .quantized ? command.quantized.calibration : 0,
      finalSamples: options.reestimate, checkpointSteps: command.checkpointSteps)
  }

  /// What makes the targets of a batch.
  private func targets<B: Backend>(
    _ outputShape: [Int], on backend: B
  ) throws -> (Batch) throws -> Tensor {
    let options = command.training
    if options.loss == .labels || options.labelWeight > 0 {
      guard outputShape.count >= 2, outputShape[0] == stream.batchSize else {
        throw GraphError.unsupported(
          "\(command.model): the output '\(graph.outputs[0].name)' of shape \(outputShape) is not a "
            + "row of classes for each of \(stream.batchSize) samples; --loss distill or mse, without "
            + "labels")
      }
    }
    let labels = LabelTargets(shape: outputShape)
    guard options.loss != .labels else { return labels.targets }
    let own = try Teacher(teacher, batch: stream.batchSize, loss: options.stepLoss, on: backend)
    guard options.labelWeight > 0 else { return { try own.targets($0.inputs) } }
    return { try labels.targets(of: $0, with: own.targets($0.inputs)) }
  }

  /// What measures the network on the validation data.
  private func validator<B: Backend>(
    reference: Graph?, on backend: B
  ) throws -> ((Graph) throws -> Evaluation)? {
    guard let validation else { return nil }
    let reference = try reference.map { try Executor($0, on: backend) }
    return { model in
      try Evaluator(Executor(model, on: backend), reference: reference)
        .evaluate(validation.data, batch: validation.batch)
    }
  }

  private func write(_ graph: Graph, steps: Int) throws {
    var graph = graph
    graph.producer.name = "qtool"
    graph.producer.version = QTool.configuration.version
    graph.metadata["qtool.version"] = QTool.configuration.version
    graph.metadata["qtool.training"] =
      "\(command.bits.rawValue), \(steps) steps of \(stream.batchSize), seed \(command.common.seed)"
    graph.metadata["qtool.data"] = DataSpecification.stamp(of: stream.data.name)
    try graph.checkRequantization(of: command.model)
    try ONNXWriter.write(
      graph, to: command.target.output,
      irVersion: QuantizedModel.irVersion(opset: graph.opsets[""] ?? 13),
      overwrite: command.target.overwrite)
  }
}
