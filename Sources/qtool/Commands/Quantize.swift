import ArgumentParser
import Files
import LowBit

/// `qtool quantize`
struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantize a trained model to an ONNX file that ONNX Runtime loads.",
    discussion: examples(
      "qtool quantize model.onnx --data 'images/?limit=500' -o small.onnx",
      "qtool quantize model.onnx --stats model.stats --preset w4a8 -o small.onnx",
      "qtool quantize model.onnx --data-free --input-range 0:1 -o small.onnx",
      "qtool quantize model.onnx --data images/ --score test/ --sensitivity -o s.onnx --report s.html",
      "qtool quantize model.onnx --data images/ --weight-levels 23 --activation-levels 19 -o s.onnx",
      "qtool quantize model.onnx --data images/ --preset w4a4 --improve outputs,gain,bias,reconstruct "
        + "-o s.onnx",
      "qtool quantize model.onnx --data images/ --skip 'op:Gemm' --layer 'stem*:w8' -o s.onnx",
      "qtool quantize model.onnx --data images/ --scheme shift --requantization round "
        + "--accumulator-bits 16 -o s.onnx",
      "qtool quantize model.onnx --weight-only --weight-bits 4 --group-size 32 -o s.onnx"))

  @Argument(help: "The ONNX model in float.")
  var model: String

  @Option(help: ArgumentHelp("Data: PATH or 'PATH?option=value&...'.", valueName: "spec"))
  var data: String?

  @Option(
    help: ArgumentHelp("Statistics of 'qtool calibrate' in place of data.", valueName: "file"))
  var stats: String?

  @Flag(
    name: .customLong("data-free"), inversion: .prefixedNo,
    help: "Take ranges and means from BatchNormalization statistics in place of data.")
  var isDataFree = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where the elements of inputs lie, for --data-free, as in -1:1.", valueName: "low:high"))
  var inputRange: String?

  @Option(
    help: ArgumentHelp(
      "How many deviations from the mean ranges reach, for --data-free.", valueName: "number"))
  var deviations = ValueExpectation.usualReach

  @Option(
    help: ArgumentHelp("Write what was done as a page for a browser.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(
    help: ArgumentHelp(
      "Data with labels, or pairs of pictures, that the float and the quantized model are scored on.",
      valueName: "spec"))
  var score: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Say what each layer costs in answers: quantized alone, on up to 128 samples of --data.")
  var sensitivity = false

  @Option(
    help: ArgumentHelp(
      "What 'qtool search --record' has kept of this model: --report shows it by size and loss.",
      valueName: "file"), completion: .file(extensions: ["json"]))
  var record: String?

  @Flag(
    name: .customLong("allow-nonfinite"), inversion: .prefixedNo,
    help: "Count NaN and infinities in activations instead of stopping.")
  var allowsNonFinite = false

  @OptionGroup var quantization: QuantizationOptions
  @OptionGroup var weightOnly: WeightOnlyOptions
  @OptionGroup var activationGroups: ActivationGroupOptions
  @OptionGroup var reconstruction: ReconstructionOptions
  @OptionGroup var accumulator: AccumulatorOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    let bases = [data != nil, stats != nil, isDataFree].count { $0 }
    guard bases == 1 || weightOnly.isOn && bases == 0 else {
      throw ValidationError(
        "one of --data, --stats and --data-free is needed; data made up need '--data random:N' in full"
      )
    }
    guard deviations > 0, deviations.isFinite else {
      throw ValidationError("--deviations: a number above 0 is needed")
    }
    guard inputRange == nil || isDataFree else {
      throw ValidationError("--input-range is for --data-free: data show where inputs lie")
    }
    guard !sensitivity || data != nil && !weightOnly.isOn else {
      throw ValidationError(
        "--sensitivity quantizes layers with what they read, and compares answers: it needs --data, and "
          + "is not for --weight-only")
    }
    guard record == nil || report != nil else {
      throw ValidationError("--record is for the page: it needs --report")
    }
  }

  func run() throws {
    try common.begin(self)
    try target.check()
    if let report { try AtomicFile.check(report, overwrite: target.overwrite) }
    var settings = try quantization.settings(weightOnly)
    settings.accumulator = try accumulator.settings()
    settings.activationGroups = try activationGroups.settings()
    if isDataFree {
      settings = try DataFree.settings(settings, changed: Configuration.changedSettings())
    } else if data == nil, stats == nil {
      try leaveOutObserved(&settings)
    }
    let path = model
    var model = try FloatModel(path: path)
    var notes = try improve(&model, settings)
    if settings.activationGroups != nil {
      notes += try splitActivations(of: &model, settings)
    }
    let learning = try reconstruction.settings(for: settings, seed: common.seed)
    if let pass = settings.improvements.intersection(Improvement.learning).min(), data == nil {
      throw UsageError(
        "--improve \(pass.rawValue) runs the samples again and again: it needs --data, not --stats")
    }
    let plan = try located(path) { try QuantizationPlan(model.prepared, settings: settings) }
    if common.dryRun {
      let outline = plan.outline
      return try common.emit(outline) { outline.text }
    }
    let (result, page) = try device.run {
      try quantize(model, plan, settings, learning, notes: notes, on: $0)
    }
    for warning in result.report.warnings { Console.shared.warn(warning) }
    if let report { try page?.write(to: report, overwrite: target.overwrite) }
    try common.emit(result) { result.text }
  }

  /// Cuts activations into groups of channels, for which the samples run once; what a report says.
  private func splitActivations(
    of model: inout FloatModel, _ settings: QuantizationSettings
  ) throws -> [String] {
    guard let data else {
      throw UsageError(
        "--activation-groups looks at the ranges of channels: it needs --data, not --stats")
    }
    let replay = try model.replay(of: data, seed: common.seed)
    return try device.run { try model.splitActivations(settings, replay, on: $0).notes }
  }

  /// Without data takes away the improvements that look at some, or refuses those that were asked for.
  private func leaveOutObserved(_ settings: inout QuantizationSettings) throws {
    let needed = settings.improvements.intersection(Improvement.observing)
    if quantization.improve != nil, let pass = needed.sorted().first {
      throw UsageError("--improve \(pass.rawValue) needs --data or --stats")
    }
    settings.improvements.subtract(needed)
  }

  /// Passes that change the graph before anything is observed; what they say.
  private func improve(
    _ model: inout FloatModel, _ settings: QuantizationSettings
  ) throws -> [String] {
    var notes: [String] = []
    for pass in [Improvement.cle, .absorb] where settings.improvements.contains(pass) {
      guard stats == nil else {
        throw UsageError(
          "--improve \(pass.rawValue) changes what would be observed: it needs --data or --data-free, "
            + "not --stats")
      }
    }
    if settings.improvements.contains(.cle) { notes += try model.equalize().notes }
    if settings.improvements.contains(.absorb) {
      let replay = try data.map { try model.replay(of: $0, seed: common.seed) }
      notes += try model.absorbBiases { graph, values in
        guard let replay else { return [:] }
        return try device.run { try graph.lowestElements(of: values, replay, on: $0) }
      }.notes
    }
    return notes
  }

  private func quantize<B: Backend>(
    _ model: FloatModel, _ plan: QuantizationPlan, _ settings: QuantizationSettings,
    _ learning: ReconstructionSettings?, notes: [String], on backend: B
  ) throws -> (Result, ReportPage?) {
    try located(self.model) { try checkMeasurable(model, on: backend) }
    let isolation = try located(self.model) {
      sensitivity ? try LayerIsolation(plan, of: model.prepared, settings: settings) : nil
    }
    let basis = try basis(model, plan, settings, isolation, on: backend)
    let calibration = basis.calibration
    let replay = try data.map {
      try model.replay(of: $0, seed: common.seed, allowsNonFinite: allowsNonFinite)
    }
    var notes = notes
    var quantized = try located(self.model) {
      try QuantizedModel(
        model.prepared, histograms: basis.histograms, channelMeans: basis.channelMeans,
        patchMoments: basis.patchMoments, replay: replay, settings: settings, on: backend)
    }
    if let learning, let replay {
      let learned = try located(self.model) {
        try reconstruct(quantized, learning, replay, on: backend)
      }
      quantized = learned.model
      notes += learned.notes
    }
    let graph = try model.write(
      quantized, calibration, to: target.output, overwrite: target.overwrite)
    var report = quantized.report(
      original: model.original.packedConstantBytes, written: graph.packedConstantBytes,
      histograms: basis.observed, sampleCount: calibration.samples, graph: graph)
    report.calibration = calibration
    report.notes = notes + basis.notes + report.notes
    quantized.describeAccumulators(in: &report)
    // Data that are wrong matter more than anything that follows from them.
    report.warnings.insert(
      contentsOf: model.original.calibrationDoubts(basis.observed), at: 0)
    let measurements = try located(self.model) {
      try self.measurements(
        of: graph, model, isolation, basis.observations, channelMeans: basis.channelMeans,
        on: backend)
    }
    let result = Result(
      output: target.output,
      fileBytes: .init(
        before: model.byteCount, after: try MappedFile(path: target.output).bytes.count),
      opset: graph.opsets[""] ?? 13, report: report, measurements)
    guard self.report != nil else { return (result, nil) }
    let facts = ModelFacts(
      name: InputFiles.name(of: target.output),
      fileBytes: (result.fileBytes.before, result.fileBytes.after),
      parameters: try GraphAnalysis(of: model.original).parameters, opset: result.opset,
      writtenBy: QTool.writer)
    let page = ReportPage(
      report, ranges: quantized.observedRanges(basis.observed),
      codes: quantized.weightCodes, facts: facts, measurements: measurements)
    return (result, page)
  }

  /// Learns rounding, with progress on standard error.
  private func reconstruct<B: Backend>(
    _ model: QuantizedModel, _ settings: ReconstructionSettings, _ replay: CalibrationReplay,
    on backend: B
  ) throws -> ReconstructedModel {
    var progress: Progress?
    let learned = try Reconstruction(settings, replay: replay, on: backend).refined(model) {
      steps, name in
      var shown = progress ?? Progress("learn", count: steps, unit: "steps")
      shown.advance(detail: name)
      progress = shown
    }
    let seconds = progress?.finish() ?? 0
    Console.shared.detail("learned in \(formatted(seconds, digits: 1)) s")
    for unit in learned.units { Console.shared.detail(unit.description) }
    return learned
  }

  /// What ranges, scales and biases come from.
  private struct Basis {
    var histograms: [String: Histogram]
    var channelMeans: [String: [Double]]
    var patchMoments: [String: [PatchGeometry: PatchMoments]] = [:]
    /// What data have shown.
    var observed: [String: Histogram] = [:]
    var calibration: QuantizationReport.Calibration
    var notes: [String] = []
    /// What data have shown, moments included.
    var observations = Observations()
  }

  private func basis<B: Backend>(
    _ model: FloatModel, _ plan: QuantizationPlan, _ settings: QuantizationSettings,
    _ isolation: LayerIsolation?, on backend: B
  ) throws -> Basis {
    let source = DataFree(
      inputRange: try inputRange.map(DataFree.range), reach: deviations)
    var expected: ExpectedStatistics?
    if isDataFree || settings.improvements.contains(.analyticBias) {
      expected = try located(self.model) {
        try ExpectedStatistics(
          model.prepared, model.normalizations, inputs: source.inputRange, reach: source.reach)
      }
    }
    var notes: [String] = []
    if settings.improvements.contains(.analyticBias), let expected {
      let layers = expected.layersWithoutMeans(plan)
      if !layers.isEmpty {
        notes.append(
          "analytic-bias: no normalization tells the means of what \(layers.count) layers read, whose "
            + "biases are not corrected: \(layers.joined(separator: ", "))")
      }
    }
    if isDataFree, let expected {
      return Basis(
        histograms: try expected.histograms(
          of: plan.rangeSources.union(plan.observedResults(for: settings))),
        channelMeans: expected.channelMeans(plan.channelAxes),
        calibration: try source.calibration(of: model, expected), notes: notes)
    }
    let observations = try observations(model, plan, settings, isolation, on: backend)
    return Basis(
      histograms: observations.histograms,
      channelMeans: expected?.channelMeans(plan.channelAxes) ?? observations.channelMeans,
      patchMoments: observations.patchMoments, observed: observations.histograms,
      calibration: try model.calibration(of: observations, plan, settings), notes: notes,
      observations: observations)
  }

  private func observations<B: Backend>(
    _ model: FloatModel, _ plan: QuantizationPlan, _ settings: QuantizationSettings,
    _ isolation: LayerIsolation?, on backend: B
  ) throws -> Observations {
    if let stats {
      let statistics = try Statistics(path: stats)
      do {
        try statistics.check(modelDigest: model.digest())
      } catch {
        throw CalibrationError("\(stats): \(error)")
      }
      return statistics.observations
    }
    guard let data else { return Observations() }
    var run = CalibrationRun(
      graph: model.prepared, specification: try DataSpecification(parsing: data))
    run.allowsNonFinite = allowsNonFinite
    run.seed = common.seed
    let patches = plan.patches(for: settings)
      .merging(isolation?.patches ?? [:]) { $0.union($1) }
    return try run.observations(
      of: plan.observedValues.union(patches.keys).union(plan.observedResults(for: settings))
        .union(isolation?.observedValues ?? []),
      channelAxes: settings.improvements.contains(.bias) ? plan.channelAxes : [:],
      patches: patches, on: backend)
  }

  /// What was written.
  struct Result: Encodable {
    var output: String
    var fileBytes: QuantizationReport.Change
    var opset: Int
    var report: QuantizationReport
    var score: MeasurementOutline.Change?
    var sensitivities: [MeasurementOutline.Layer]?

    init(
      output: String, fileBytes: QuantizationReport.Change, opset: Int,
      report: QuantizationReport, _ measurements: ModelMeasurements
    ) {
      self.output = output
      self.fileBytes = fileBytes
      self.opset = opset
      self.report = report
      score = MeasurementOutline.change(measurements)
      sensitivities = MeasurementOutline.layers(measurements)
    }

    var text: String {
      report.text + MeasurementOutline.text(score, sensitivities)
        + "\nfile: \(formatted(bytes: fileBytes.before)) before, "
        + "\(formatted(bytes: fileBytes.after)) after\nwritten: \(output) (operator set \(opset))"
    }
  }
}
