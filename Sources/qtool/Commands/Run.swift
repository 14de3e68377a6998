import ArgumentParser
import Files
import Glibc
import LowBit

/// `qtool run`
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a model on given inputs and write its outputs.",
    discussion: examples(
      "qtool run model.onnx --input x=x.npy --output-dir out",
      "qtool run model.onnx --input x=x.npy --input mask=mask.npy --output-dir out --device reference",
      "qtool run model.onnx --input-set test_data_set_0 --output-dir out"))

  @Argument(help: "The ONNX model.", completion: .file(extensions: ["onnx"]))
  var model: String?

  @Option(
    name: .customLong("input"),
    help: ArgumentHelp("An input and the .npy file that holds it.", valueName: "name=file"))
  var inputs: [String] = []

  @Option(
    help: ArgumentHelp(
      "A folder with input_0.pb, input_1.pb, ... in the order of the model's inputs.",
      valueName: "folder"), completion: .directory)
  var inputSet: String?

  @Option(
    help: ArgumentHelp("The folder for NAME.npy, one an output.", valueName: "folder"),
    completion: .directory)
  var outputDir: String?

  @Flag(inversion: .prefixedNo, help: "Replace output files that exist.")
  var overwrite = false

  // Many small models in one process; the conformance script's form. One line a job, fields
  // separated by tabs: model, input set, output folder. One line of result each: the exit code that
  // the job alone would have had, the model, the message.
  @Option(help: ArgumentHelp("A list of jobs.", visibility: .hidden))
  var jobs: String?

  @OptionGroup var engine: EngineOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if jobs != nil { return }
    guard model != nil else { throw ValidationError("Missing expected argument '<model>'.") }
    guard outputDir != nil else {
      throw ValidationError("Missing expected argument '--output-dir'.")
    }
    if inputSet != nil, !inputs.isEmpty {
      throw ValidationError("--input and --input-set exclude each other.")
    }
  }

  func run() throws {
    try common.begin(self)
    if let jobs { return try device.run { try runJobs(listedIn: jobs, on: $0) } }
    guard let model, let outputDir else { return }
    let graph = try ONNXReader.read(path: model)
    if common.dryRun {
      let unsupported = try Executor<ReferenceBackend>.unsupportedNodes(of: graph)
      return try common.emit(unsupported.map(\.message)) {
        unsupported.isEmpty
          ? "every operator is supported" : unsupported.map(\.message).joined(separator: "\n")
      }
    }
    try OutputFolder(outputDir, overwrite: overwrite).check(for: graph)
    let tensors = try readInputs(of: graph)
    let result = try device.run {
      try run(graph, tensors, on: $0, model: model, outputDir: outputDir)
    }
    try common.emit(result) { result.text }
  }

  private func readInputs(of graph: Graph) throws -> [String: Tensor] {
    if let inputSet { return try InputFiles.readSet(inputSet, for: graph) }
    return try InputFiles.read(inputs, for: graph)
  }

  private func run(
    _ graph: Graph, _ tensors: [String: Tensor], on backend: some Backend, model: String,
    outputDir: String
  ) throws -> RunResult {
    let start = ContinuousClock.now
    let form = try engine.engine.form(of: graph, path: model)
    let executor = try Executor(form.graph, on: backend)
    let prepared = ContinuousClock.now
    let outputs = try executor.run(tensors)
    let done = ContinuousClock.now
    let written = try OutputFolder(outputDir, overwrite: overwrite).write(outputs, of: graph)
    return RunResult(
      model: model, device: backend.name, engine: engine.engine, integers: form.integers,
      secondsToPrepare: (prepared - start).seconds, secondsToRun: (done - prepared).seconds,
      outputs: written)
  }

  private func runJobs(listedIn path: String, on backend: some Backend) throws {
    let text = String(decoding: try WholeFile.read(path, limit: 1 << 26), as: UTF8.self)
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count == 3 else { throw UsageError("\(path): '\(line)' is not three fields") }
      var outcome = (status: ExitStatus.done, message: "")
      do {
        let graph = try ONNXReader.read(path: fields[0])
        let tensors = try InputFiles.readSet(fields[1], for: graph)
        _ = try run(graph, tensors, on: backend, model: fields[0], outputDir: fields[2])
      } catch {
        outcome = (ExitStatus(for: error), "\(error)".replacingNewlines)
      }
      try StandardOutput.print("\(outcome.status.rawValue)\t\(fields[0])\t\(outcome.message)")
    }
  }
}

/// What `qtool run` says about itself.
struct RunResult: Encodable {
  struct Output: Encodable {
    var name: String
    var elementType: String
    var shape: [Int]
    var file: String
  }

  var model: String
  var device: String
  var engine: Engine
  var integers: IntegerOutline?
  var secondsToPrepare: Double
  var secondsToRun: Double
  var outputs: [Output]

  var text: String {
    var table = TextTable(["output", "type", "shape", "file"])
    for output in outputs {
      table.add([output.name, output.elementType, "\(output.shape)", output.file])
    }
    return table.text
      + "\non \(device): \(formatted(secondsToPrepare * 1000, digits: 1)) ms to prepare, "
      + "\(formatted(secondsToRun * 1000, digits: 1)) ms to run"
      + (integers.map { "\n\($0.summary)" } ?? "")
  }
}

extension Duration {
  /// The duration in seconds.
  fileprivate var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

extension String {
  /// The text on one line.
  fileprivate var replacingNewlines: String {
    split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
