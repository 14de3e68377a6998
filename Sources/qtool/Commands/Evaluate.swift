import ArgumentParser
import LowBit

/// `qtool evaluate`
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Measure a model on data: top-1 and top-5, PSNR, or the distance to a reference model.",
    discussion: examples(
      "qtool evaluate model.onnx --data 't10k-images-idx3-ubyte.gz?scale=1/255'",
      "qtool evaluate small.onnx --data 'images/?resize=256&crop=224' --reference model.onnx",
      "qtool evaluate small.onnx --data 'images/?labels=labels.csv' --fail-below 75.5",
      "qtool evaluate sr.onnx --data pairs/ --fail-below 28 --json")
        + """


        Data with labels give top-1 and top-5 in percent, pairs of small and large pictures give \
        PSNR in dB, and a reference model gives SQNR in dB and the percentage of equal answers.
        """)

  /// What a gate looks at.
  enum Metric: String, ExpressibleByArgument, CaseIterable, Encodable {
    case top1, top5, psnr, sqnr
  }

  @Argument(help: "The ONNX model.", completion: .file(extensions: ["onnx"]))
  var model: String

  @OptionGroup var data: DataOptions

  @Option(
    help: ArgumentHelp("A model to compare outputs with.", valueName: "model"),
    completion: .file(extensions: ["onnx"]))
  var reference: String?

  @Option(
    help: ArgumentHelp(
      "Exit with 1 when the metric is lower: percent or dB.", valueName: "value"))
  var failBelow: Double?

  @Option(
    help: ArgumentHelp(
      "What --fail-below looks at: top1, top5, psnr or sqnr. Default: top1 or psnr, whichever the "
        + "data give, else sqnr."))
  var metric: Metric?

  @Option(help: ArgumentHelp("The output that is scored. Default: the first.", valueName: "name"))
  var scoreOutput: String?

  @OptionGroup var engine: EngineOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if metric == .sqnr && reference == nil {
      throw ValidationError("--metric sqnr needs --reference.")
    }
  }

  func run() throws {
    try common.begin(self)
    let specification = try DataSpecification(parsing: data.data)
    let form = try engine.engine.form(of: try ONNXReader.read(path: model), path: model)
    let graph = form.graph
    if let scoreOutput, !graph.outputs.contains(where: { $0.name == scoreOutput }) {
      let names = graph.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
      throw UsageError("--score-output \(scoreOutput): the outputs of '\(model)' are \(names)")
    }
    let other = try reference.map {
      try engine.engine.form(of: try ONNXReader.read(path: $0), path: $0).graph
    }
    let inputs = graph.inputs.map { ModelInput($0) }
    let dataset = try specification.open(
      for: inputs, seed: common.seed, tensorReader: InputFiles.tensor)
    var batch = try specification.batchSize(for: inputs, preferred: 32)
    if !batch.isFixed, let other {
      // The reference model may take one batch only.
      batch = try specification.batchSize(
        for: other.inputs.map { ModelInput($0) }, preferred: batch.size)
    }
    if common.dryRun {
      let plan = EvaluationPlan(
        model: model, reference: reference, data: dataset.name, samples: dataset.count,
        batch: batch.size, device: try device.open().name)
      return try common.emit(plan) { plan.text }
    }
    var report = try device.run { backend in
      try Self.evaluate(
        graph, other, on: backend, dataset, batch, output: scoreOutput, model: model,
        reference: reference)
    }
    report.engine = engine.engine
    report.integers = form.integers
    try common.emit(report) { report.text }
    try checkGate(report.evaluation)
  }

  private static func evaluate(
    _ graph: Graph, _ other: Graph?, on backend: some Backend, _ dataset: any Dataset,
    _ batch: (size: Int, isFixed: Bool), output: String?, model: String, reference: String?
  ) throws -> EvaluationReport {
    let evaluator = try Evaluator(
      Executor(graph, on: backend), reference: other.map { try Executor($0, on: backend) },
      output: output)
    var progress = Progress("evaluate", count: dataset.count, unit: "samples")
    defer { progress.finish() }
    let evaluation = try evaluator.evaluate(dataset, batch: batch) { progress.advance(by: $0) }
    if evaluation.samplesWithNaN > 0 {
      Console.shared.warn("\(evaluation.samplesWithNaN) samples have a NaN in the model's output")
    }
    return EvaluationReport(
      model: model, reference: reference, data: dataset.name, device: backend.name,
      evaluation: evaluation)
  }

  private func checkGate(_ evaluation: Evaluation) throws {
    guard let failBelow else { return }
    let chosen = metric ?? (evaluation.top1 != nil ? .top1 : evaluation.psnr != nil ? .psnr : .sqnr)
    let value: Double? =
      switch chosen {
      case .top1: evaluation.top1
      case .top5: evaluation.top5
      case .psnr: evaluation.psnr
      case .sqnr: evaluation.sqnr
      }
    guard let value else { throw UsageError("the data give no \(chosen.rawValue)") }
    // Written this way a NaN does not pass.
    guard value >= failBelow else {
      throw GateNotMet(
        description: "\(chosen.rawValue) is \(formatted(value, digits: 3)), below \(failBelow)")
    }
  }
}

/// What `--dry-run` prints.
private struct EvaluationPlan: Encodable {
  var model: String
  var reference: String?
  var data: String
  var samples: Int
  var batch: Int
  var device: String

  var text: String {
    "evaluate \(model)\(reference.map { " against \($0)" } ?? "") on \(samples) samples of \(data), "
      + "\(batch) at a time, on \(device)"
  }
}

/// What `qtool evaluate` prints.
private struct EvaluationReport: Encodable {
  var model: String
  var reference: String?
  var data: String
  var device: String
  var evaluation: Evaluation
  var engine = Engine.integer
  var integers: IntegerOutline?

  enum Key: String, CodingKey {
    case engine, integers, model, reference, data, device, samples, batch, top1, top5, psnr, sqnr,
      agreement, unclassifiedShape
    case referenceTop1, referencePSNR, samplesWithNaN, seconds, samplesPerSecond
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(model, forKey: .model)
    try container.encodeIfPresent(reference, forKey: .reference)
    try container.encode(data, forKey: .data)
    try container.encode(device, forKey: .device)
    try container.encode(engine, forKey: .engine)
    try container.encodeIfPresent(integers, forKey: .integers)
    try container.encode(evaluation.samples, forKey: .samples)
    try container.encode(evaluation.batch, forKey: .batch)
    try container.encodeIfPresent(evaluation.top1, forKey: .top1)
    try container.encodeIfPresent(evaluation.top5, forKey: .top5)
    try container.encodeIfPresent(evaluation.psnr, forKey: .psnr)
    try container.encodeIfPresent(evaluation.sqnr, forKey: .sqnr)
    try container.encodeIfPresent(evaluation.agreement, forKey: .agreement)
    try container.encodeIfPresent(evaluation.unclassifiedShape, forKey: .unclassifiedShape)
    try container.encodeIfPresent(evaluation.referenceTop1, forKey: .referenceTop1)
    try container.encodeIfPresent(evaluation.referencePSNR, forKey: .referencePSNR)
    try container.encode(evaluation.samplesWithNaN, forKey: .samplesWithNaN)
    try container.encode(evaluation.seconds, forKey: .seconds)
    try container.encode(samplesPerSecond, forKey: .samplesPerSecond)
  }

  private var samplesPerSecond: Double {
    evaluation.seconds > 0 ? Double(evaluation.samples) / evaluation.seconds : 0
  }

  var text: String {
    var lines = [
      "\(model): \(evaluation.samples) samples of \(data) on \(device), "
        + "\(formatted(evaluation.seconds, digits: 1)) s, \(formatted(samplesPerSecond, digits: 0)) a second"
    ]
    func add(_ title: String, _ value: Double?, _ unit: String, reference: Double? = nil) {
      guard let value else { return }
      let other = reference.map { "   (reference \(formatted($0, digits: 2)) \(unit))" } ?? ""
      lines.append("  \(title)  \(formatted(value, digits: 2)) \(unit)\(other)")
    }
    add("top-1", evaluation.top1, "%", reference: evaluation.referenceTop1)
    add("top-5", evaluation.top5, "%")
    add("PSNR ", evaluation.psnr, "dB", reference: evaluation.referencePSNR)
    add("SQNR ", evaluation.sqnr, "dB")
    add("equal answers", evaluation.agreement, "%")
    if let shape = evaluation.unclassifiedShape {
      lines.append("  no top-1: the output has shape \(shape) for a sample, not a row of classes")
    }
    if let integers { lines.append(integers.summary) }
    return lines.joined(separator: "\n")
  }
}
