import ArgumentParser
import Checksums
import Files
import LowBit

/// `qtool report`
struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a page for a browser about a training run or a quantized model.",
    discussion: examples(
      "qtool report runs/1 -o run.html",
      "qtool report small.onnx -o small.html",
      "qtool report small.onnx --data 'images/?limit=100' -o small.html",
      "qtool report small.onnx --stats model.stats -o small.html")
        + """


        RUN is the folder of 'qtool train', finished or not. Of a model the page shows what its file \
        says; with data or with the statistics that it was quantized from, histograms too.
        """)

  @Argument(
    help: ArgumentHelp(
      "The folder of a training run, or a quantized ONNX model.", valueName: "run"),
    completion: .file())
  var subject: String

  @Option(
    help: ArgumentHelp("Data to draw histograms of a model's values from.", valueName: "spec"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Statistics of 'qtool calibrate' to draw histograms from.", valueName: "file"))
  var stats: String?

  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if data != nil, stats != nil {
      throw ValidationError("--data and --stats exclude each other.")
    }
  }

  func run() throws {
    try common.begin(self)
    try target.check()
    let page: ReportPage
    let kind: String
    if FinishedRun.isRun(subject) {
      guard data == nil, stats == nil else {
        throw UsageError("--data and --stats are for models; '\(subject)' is a training run")
      }
      page = try FinishedRun(subject).page
      kind = "run"
    } else {
      page = try modelPage()
      kind = "model"
    }
    let result = Result(output: target.output, subject: kind, bytes: page.text.utf8.count)
    if common.dryRun { return try common.emit(result) { "would write \(result.text)" } }
    try page.write(to: target.output, overwrite: target.overwrite)
    try common.emit(result) { "written: \(result.text)" }
  }

  // MARK: Models

  private func quantizedFile(
    _ graph: Graph, _ histograms: [String: Histogram]
  ) throws -> QuantizedFile? {
    do {
      return try QuantizedFile(graph, histograms: histograms)
    } catch let error as GraphError {
      throw error.located(in: subject)
    }
  }

  private func modelPage() throws -> ReportPage {
    let graph = try ONNXReader.read(path: subject)
    let (histograms, note) = try histograms(of: graph)
    guard var file = try quantizedFile(graph, histograms) else {
      throw GraphError.unsupported(
        "\(subject): has no quantizers; 'qtool quantize --report' writes a page about what it makes of a "
          + "float model, 'qtool inspect' shows the model itself")
    }
    if let note { file.add(note: note) }
    return ReportPage(
      file.report, ranges: file.ranges, codes: file.codes,
      facts: try ModelFacts(of: graph, path: subject))
  }

  /// What was observed of the values before quantizers, and a remark where that is little.
  private func histograms(of graph: Graph) throws -> ([String: Histogram], String?) {
    if let stats {
      let statistics = try Statistics(path: stats)
      let own = graph.metadata["qtool.model"]
      guard own == SHA256.hexadecimal(statistics.modelDigest) else {
        throw CalibrationError(
          own == nil
            ? "\(stats): '\(subject)' does not say which float model it was made from"
            : "\(stats): the statistics are of another model than the one '\(subject)' was made from"
        )
      }
      return (statistics.observations.histograms, nil)
    }
    guard let data else {
      return ([:], "Histograms need --data or --stats; the file holds none.")
    }
    let values = Set(
      graph.nodes.filter { $0.operatorType == "QuantizeLinear" }.compactMap(\.inputs.first)
    ).subtracting(graph.initializers.keys)
    var run = CalibrationRun(graph: graph, specification: try DataSpecification(parsing: data))
    run.seed = common.seed
    run.allowsNonFinite = true
    let observations = try device.run {
      try run.observations(of: values, channelAxes: [:], patches: [:], on: $0)
    }
    return (
      observations.histograms,
      "Histograms are of the quantized model's own values before they are quantized, on "
        + "\(observations.sampleCount) samples of \(DataSpecification.stamp(of: data)); values that exist "
        + "as codes alone have none."
    )
  }

  /// What was written.
  struct Result: Encodable {
    var output: String
    /// `run` or `model`.
    var subject: String
    var bytes: Int

    var text: String { "\(output) (\(formatted(bytes: bytes)))" }
  }
}

extension ModelFacts {
  /// A quantized model in a file.
  init(of graph: Graph, path: String) throws {
    self.init(
      name: InputFiles.name(of: path),
      fileBytes: (nil, try MappedFile(path: path).bytes.count),
      parameters: try GraphAnalysis(of: graph).parameters, opset: graph.opsets[""] ?? 0,
      writtenBy: QTool.writer)
  }
}
