import ArgumentParser
import Files
import LowBit

/// `qtool compare`
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare the values inside two models on the same data, worst layers first.",
    discussion: examples(
      "qtool compare model.onnx small.onnx --data 'images/?limit=20'",
      "qtool compare model.onnx small.onnx --data images/ --html compared.html",
      "qtool compare small.onnx other.onnx --data images/ --max-lsb 0"))

  @Argument(help: "The reference, for example the float model.")
  var first: String

  @Argument(help: "The model that is compared with it.")
  var second: String

  @Option(
    help: ArgumentHelp(
      "Fail (exit 1) when an integer value of both models differs by more.", valueName: "count"))
  var maxLsb: Int?

  @Option(
    help: ArgumentHelp("Write the result as a page for a browser.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var html: String?

  @Flag(inversion: .prefixedNo, help: "Replace the page where it exists.")
  var overwrite = false

  @OptionGroup var data: DataOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    let graphs = (
      try ONNXReader.read(path: first).withDequantizedResults(),
      try ONNXReader.read(path: second).withDequantizedResults()
    )
    let specification = try DataSpecification(parsing: data.data)
    let samples = try specification.open(
      for: graphs.0.inputs.map { ModelInput($0) }, seed: common.seed,
      tensorReader: InputFiles.tensor)
    let pairs = ComparedValue.pairs(graphs.0, graphs.1)
    guard !pairs.isEmpty else {
      throw UsageError("'\(first)' and '\(second)' have no values in common")
    }
    if common.dryRun {
      return try common.emit(pairs.map(\.name)) { pairs.map(\.name).joined(separator: "\n") }
    }
    if let html { try AtomicFile.check(html, overwrite: overwrite) }
    let result = try device.run { try compare(graphs, pairs, samples, on: $0) }
    if let html {
      let page = ReportPage(
        comparing: result.values.map {
          .init(
            name: $0.name, count: $0.count, sqnr: $0.sqnr, maximumDifference: $0.maximumDifference)
        }, order: pairs.map(\.name), first: InputFiles.name(of: first),
        second: InputFiles.name(of: second), samples: result.samples, writtenBy: QTool.writer)
      try page.write(to: html, overwrite: overwrite)
    }
    try common.emit(result) { result.text }
    try checkGate(result)
  }

  private func checkGate(_ result: Result) throws {
    guard let maxLsb else { return }
    let integers = result.values.compactMap(\.maximumDifference)
    guard let worst = integers.max() else {
      throw UsageError("--max-lsb: the models have no integer values in common")
    }
    guard worst <= maxLsb else {
      throw GateNotMet(description: "integers differ by up to \(worst), more than \(maxLsb)")
    }
  }

  private func compare<B: Backend>(
    _ graphs: (Graph, Graph), _ pairs: [ComparedValue.Pair], _ samples: any Dataset, on backend: B
  ) throws -> Result {
    let executors = (try Executor(graphs.0, on: backend), try Executor(graphs.1, on: backend))
    var values = Dictionary(
      uniqueKeysWithValues: pairs.map { ($0.name, ComparedValue(name: $0.name)) })
    var progress = Progress("compare", count: samples.count, unit: "samples")
    for index in 0..<samples.count {
      let sample = try samples.sample(at: index)
      var expected: [String: Tensor] = [:]
      _ = try executors.0.run(sample.inputs, observing: Set(pairs.map(\.first))) { name, value in
        expected[name] = try backend.download(value)
      }
      var found: [String: Tensor] = [:]
      let inputs = rename(sample.inputs, graphs.0, graphs.1)
      _ = try executors.1.run(inputs, observing: Set(pairs.map(\.second))) { name, value in
        found[name] = try backend.download(value)
      }
      for pair in pairs {
        guard let a = expected[pair.first], let b = found[pair.second] else { continue }
        guard a.count == b.count else {
          throw GraphError.invalid("'\(pair.name)' is \(a) in '\(first)' and \(b) in '\(second)'")
        }
        values[pair.name]?.add(a, b)
      }
      progress.advance()
    }
    progress.finish()
    let seen = pairs.compactMap { values[$0.name] }.filter { $0.count > 0 }
    return Result(samples: samples.count, values: seen.sorted { $0.rank < $1.rank })
  }

  /// Inputs by position, where the models name them differently.
  private func rename(_ inputs: [String: Tensor], _ a: Graph, _ b: Graph) -> [String: Tensor] {
    var renamed: [String: Tensor] = [:]
    for (from, to) in zip(a.inputs, b.inputs) { renamed[to.name] = inputs[from.name] }
    return renamed
  }

  /// Values of both models, the least alike first.
  struct Result: Encodable {
    var samples: Int
    var values: [ComparedValue]

    var text: String {
      (["\(samples) samples, \(values.count) values, worst first"]
        + values.map { value in
          let measure =
            value.maximumDifference.map { "largest difference \($0)" }
            ?? value.sqnr.map { $0 == .infinity ? "equal" : "\(formatted($0, digits: 2)) dB" }
            ?? "-"
          return "\(measure)  \(value.name)"
        }).joined(separator: "\n")
    }
  }
}
