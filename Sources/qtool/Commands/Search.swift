public import ArgumentParser
import Files
public import LowBit

/// `qtool search`
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Find the bits of every layer that lose least under a budget, or the best way to quantize.",
    discussion: examples(
      "qtool search model.onnx --data 'images/?limit=256' --budget bytes",
      "qtool search model.onnx --data images/ --budget bytes:48000 -o small.onnx",
      "qtool search model.onnx --data images/ --score 'test/?labels=labels.csv' --budget bops:30% "
        + "--choices w8a8,w4a8,w4a4 -o small.onnx --report search.html",
      "qtool search model.onnx --data images/ --score 'test/?labels=labels.csv' --preset w4a8 "
        + "--tuner boosted --trials 64 -o small.onnx")
        + """


        Each layer is quantized alone at each of the choices, on a few samples, and answers are compared \
        with the float network's; from these sensitivities come the best bits of all layers for every \
        budget. Points of the curve, and the same bits for all layers, are then quantized and measured \
        whole. A budget with a number writes the model of least loss among those measured within it.

        With --tuner whole configurations are quantized and measured: samples of calibration, scheme, \
        ranges, granularity, passes, the treatment of the first and the last layer, or what --space \
        names. The best is printed as the qtool quantize command that makes it.
        """)

  @Argument(help: "The ONNX model in float.", completion: .file(extensions: ["onnx"]))
  var model: String

  @OptionGroup var data: DataOptions

  @Option(
    help: ArgumentHelp(
      "Data with labels, or pairs of pictures, that models are scored on; by default they are compared "
        + "with the float model on samples of --data.", valueName: "spec"))
  var score: String?

  @Option(
    help: ArgumentHelp(
      "bytes (of constants), bops (multiplications times bits of both factors) or time (of layers on the "
        + "device, in ns), with :NUMBER or :P% of what the finest choice costs behind it.",
      valueName: "budget"))
  var budget: String?

  @Option(
    help: ArgumentHelp(
      "Search for how to quantize in place of bits: boosted (boosted trees predict what is worth "
        + "measuring), random or exhaustive.", valueName: "method"))
  var tuner: TuningMethod?

  @Option(
    help: ArgumentHelp(
      "Configurations that --tuner measures. Default: 64, or all of them with exhaustive.",
      valueName: "count"))
  var trials: Int?

  @Option(
    help: ArgumentHelp(
      "What --tuner varies, in TOML: options of quantize and limit, each with its values in brackets.",
      valueName: "file"), completion: .file(extensions: ["toml"]))
  var space: String?

  @Option(
    help: ArgumentHelp(
      "What a layer may have, separated by commas: w8a8, w4a8, or 23x256 in levels. Default: "
        + "w8a8,w4a8,w2a8 for bytes, w8a8,w4a8,w4a4,w2a4 otherwise.", valueName: "list"))
  var choices: String?

  @Option(
    help: ArgumentHelp(
      "Samples of --data that answers are compared on with the float network's.", valueName: "count"
    ))
  var samples = 128

  @Option(help: ArgumentHelp("Points of the curve that are measured.", valueName: "count"))
  var points = 9

  @Option(
    help: ArgumentHelp(
      "Models near the best for a budget that are measured, too, each near the best so far.",
      valueName: "count"))
  var refine = 0

  @Option(
    help: ArgumentHelp(
      "Keep what is measured in a file, for --resume.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var record: String?

  @Flag(inversion: .prefixedNo, help: "Go on from what --record has.")
  var resume = false

  @Option(
    help: ArgumentHelp("Write what was found as a page for a browser.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The file to write, for a budget with a number.", valueName: "file"),
    completion: .file(extensions: ["onnx"]))
  var output: String?

  @Flag(inversion: .prefixedNo, help: "Replace files where they exist.")
  var overwrite = false

  @OptionGroup var quantization: QuantizationOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard samples > 0 else { throw ValidationError("--samples: at least 1 is needed") }
    guard refine >= 0 else { throw ValidationError("--refine: a count is not negative") }
    guard points > 1 else { throw ValidationError("--points: at least 2 are needed") }
    guard (budget == nil) != (tuner == nil) else {
      throw ValidationError("either --budget or --tuner is needed")
    }
    guard trials ?? 1 > 0 else { throw ValidationError("--trials: at least 1 is needed") }
    guard !resume || record != nil else {
      throw ValidationError("--resume needs the --record that it goes on from")
    }
  }

  func run() throws {
    try common.begin(self)
    if let budget {
      try refuse(["space", "trials"], because: "they are for --tuner; without meaning here: ")
      try searchPrecisions(within: PrecisionBudget(parsing: budget), text: budget)
    } else if let tuner {
      try refuse(
        ["choices", "points", "refine"], because: "they are for --budget; without meaning here: ")
      try checkTargets()
      try tune(by: tuner)
    }
  }

  private func checkTargets() throws {
    for file in [output, report].compactMap(\.self) {
      try AtomicFile.check(file, overwrite: overwrite)
    }
    if let record, !resume { try AtomicFile.check(record, overwrite: overwrite) }
  }

  private func refuse(_ options: Set<String>, because reason: String) throws {
    let idle = try Configuration.changedSettings().intersection(options)
    guard idle.isEmpty else {
      throw UsageError(reason + idle.sorted().map { "--\($0)" }.joined(separator: ", "))
    }
  }

  // MARK: - Configurations

  private func tune(by method: TuningMethod) throws {
    let float = try FloatModel(path: model)
    let count = try DataSpecification(parsing: data.data).open(
      for: float.prepared.inputs.map { ModelInput($0) }, seed: common.seed,
      tensorReader: InputFiles.tensor
    ).count
    let space =
      try space.map { try TunerSpace(path: $0, sampleCount: count) }
      ?? TunerSpace(varying: quantization.settings(), sampleCount: count)
    if common.dryRun {
      let outline = TunerOutline(space)
      return try common.emit(outline) { outline.text }
    }
    let result = try device.run { try tuned(by: method, float, space, on: $0) }
    if let report {
      try ReportPage(result.picture).write(to: report, overwrite: overwrite)
    }
    try common.emit(result) { result.text }
  }

  private func tuned<B: Backend>(
    by method: TuningMethod, _ float: FloatModel, _ space: TunerSpace, on backend: B
  ) throws -> TunerResult {
    var run = try TunerRun(self, float, space, on: backend)
    return try run.run(method)
  }

  // MARK: - Precisions

  private func searchPrecisions(within limit: PrecisionBudget, text budget: String) throws {
    guard (limit.amount == nil) == (output == nil) else {
      throw UsageError(
        output == nil
          ? "--budget \(budget) chooses a model: -o says where it is written"
          : "--budget \(budget) chooses no model to write to '\(output ?? "")': a number is missing, as in "
            + "\(limit.kind.rawValue):50%")
    }
    guard refine == 0 || output != nil else {
      throw UsageError("--refine is for a budget with a number, and --budget \(budget) has none")
    }
    try checkTargets()
    try refuse(
      Self.settledBySearch,
      because: "the search gives layers their levels (--choices); without meaning here: ")
    var float = try FloatModel(path: model)
    let settings = try quantization.settings()
    try settings.checkSearchable()
    if settings.improvements.contains(.cle) {
      for note in try float.equalize().notes { Console.shared.note(note) }
    }
    let choices = try choices(for: limit.kind)
    let space = try located(model) {
      try PrecisionSpace(float.prepared, choices: choices, settings: settings)
    }
    if common.dryRun {
      let outline = SearchOutline(space)
      return try common.emit(outline) { outline.text }
    }
    let result = try device.run { [float] in try SearchRun(self, float, space, limit).run(on: $0) }
    if let report {
      try ReportPage(result.picture).write(to: report, overwrite: overwrite)
    }
    try common.emit(result) { result.text }
  }

  /// Options of `quantize` for all layers at once.
  private static let settledBySearch: Set = [
    "activation-bits", "activation-levels", "first-last", "preset", "weight-bits", "weight-levels",
  ]

  private func choices(for kind: PrecisionBudget.Kind) throws -> [LayerPrecision] {
    let text = choices ?? (kind == .bytes ? "w8a8,w4a8,w2a8" : "w8a8,w4a8,w4a4,w2a4")
    return try text.split(separator: ",", omittingEmptySubsequences: false).map {
      try LayerPrecision(parsing: String($0))
    }
  }
}

extension TuningMethod: ExpressibleByArgument {}

/// What `--dry-run` prints.
private struct SearchOutline: Encodable {
  struct Layer: Encodable {
    var layer: String
    var multiplications: Int
    var weights: Int
  }

  var layers: [Layer]
  var choices: [String]

  init(_ space: PrecisionSpace) {
    layers = space.layers.map {
      Layer(layer: $0.label, multiplications: $0.multiplications, weights: $0.weightCount)
    }
    choices = space.choices.map(\.description)
  }

  var text: String {
    var table = TextTable(["layer", "multiplications", "weights"], rightAligned: [1, 2])
    for layer in layers {
      table.add([layer.layer, "\(layer.multiplications)", "\(layer.weights)"])
    }
    return table.text + "\n\nchoices: \(choices.joined(separator: ", "))\nto measure: "
      + "\(layers.count * choices.count) sensitivities"
  }
}
