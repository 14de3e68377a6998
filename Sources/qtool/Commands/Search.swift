import ArgumentParser
import Files
import LowBit

/// `qtool search`
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the bits of every layer that lose least under a budget.",
    discussion: examples(
      "qtool search model.onnx --data 'images/?limit=256' --budget bytes",
      "qtool search model.onnx --data images/ --budget bytes:48000 -o small.onnx",
      "qtool search model.onnx --data images/ --score 'test/?labels=labels.csv' --budget bops:30% "
        + "--choices w8a8,w4a8,w4a4 -o small.onnx --report search.html")
        + """


        Each layer is quantized alone at each of the choices, on a few samples, and answers are compared \
        with the float network's; from these sensitivities come the best bits of all layers for every \
        budget. Points of the curve, and the same bits for all layers, are then quantized and measured \
        whole. A budget with a number writes the model of least loss among those measured within it.
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
  var budget: String

  @Option(
    help: ArgumentHelp(
      "What a layer may have, separated by commas: w8a8, w4a8, or 23x256 in levels. Default: "
        + "w8a8,w4a8,w2a8 for bytes, w8a8,w4a8,w4a4,w2a4 otherwise.", valueName: "list"))
  var choices: String?

  @Option(
    help: ArgumentHelp(
      "Samples of --data that sensitivities are found with.", valueName: "count"))
  var samples = 128

  @Option(help: ArgumentHelp("Points of the curve that are measured.", valueName: "count"))
  var points = 9

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
    guard points > 1 else { throw ValidationError("--points: at least 2 are needed") }
    guard !resume || record != nil else {
      throw ValidationError("--resume needs the --record that it goes on from")
    }
  }

  func run() throws {
    try common.begin(self)
    let limit = try PrecisionBudget(parsing: budget)
    guard (limit.amount == nil) == (output == nil) else {
      throw UsageError(
        output == nil
          ? "--budget \(budget) chooses a model: -o says where it is written"
          : "--budget \(budget) chooses no model to write to '\(output ?? "")': a number is missing, as in "
            + "\(limit.kind.rawValue):50%")
    }
    for file in [output, report].compactMap(\.self) {
      try AtomicFile.check(file, overwrite: overwrite)
    }
    if let record, !resume { try AtomicFile.check(record, overwrite: overwrite) }
    let idle = try Configuration.changedSettings().intersection(Self.settledBySearch)
    guard idle.isEmpty else {
      throw UsageError(
        "the search gives layers their levels (--choices); without meaning here: "
          + idle.sorted().map { "--\($0)" }.joined(separator: ", "))
    }
    var float = try FloatModel(path: model)
    let settings = try quantization.settings()
    if let pass = settings.improvements.intersection(Improvement.learning).min() {
      throw UsageError(
        "--improve \(pass.rawValue) is for 'qtool quantize': a search would learn for every choice of bits"
      )
    }
    guard settings.activationRange != .crossEntropy else {
      throw UsageError("--range crossentropy: only 'qtool quantize' knows it")
    }
    for pass in [Improvement.absorb, .analyticBias] where settings.improvements.contains(pass) {
      throw UsageError("--improve \(pass.rawValue): only 'qtool quantize' knows it")
    }
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
