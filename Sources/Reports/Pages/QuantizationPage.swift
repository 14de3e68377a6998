public import PostTraining
import Quantization

/// What a page says of a quantized model's file.
public struct ModelFacts: Sendable {
  /// What the page calls the model.
  public var name: String
  /// Bytes of the float model's file and of the quantized one's; what is not known is `nil`.
  public var fileBytes: (before: Int?, after: Int?)
  /// Elements of all constants of the float model, or of the quantized one where that is not at hand.
  public var parameters: Int
  /// The version of ONNX's operator set.
  public var opset: Int
  /// The program and its version.
  public var writtenBy: String

  /// Makes facts.
  public init(
    name: String, fileBytes: (before: Int?, after: Int?), parameters: Int, opset: Int,
    writtenBy: String
  ) {
    self.name = name
    self.fileBytes = fileBytes
    self.parameters = parameters
    self.opset = opset
    self.writtenBy = writtenBy
  }
}

extension ReportPage {
  /// A quantized model: what became of each layer, what ranges were chosen from what was observed, and
  /// what is doubtful.
  ///
  /// - Parameters:
  ///   - report: What was done, or what a file says of it.
  ///   - ranges: The quantizers of activations in the order of execution.
  ///   - codes: How often each code stands for a weight, layer by layer.
  ///   - facts: The model.
  ///   - measurements: What was measured of it.
  public init(
    _ report: QuantizationReport, ranges: [ObservedRange], codes: [WeightCodes],
    facts: ModelFacts, measurements: ModelMeasurements = ModelMeasurements()
  ) {
    self.init(
      kind: "Quantization report", title: facts.name,
      lead: report.settings.isEmpty
        ? "Read from the file, which does not say how it was made."
        : Markup(words(ofSettings: report.settings)),
      sections: quantizedSections(
        report, ranges: ranges, codes: codes, facts: facts, measurements: measurements),
      footer: facts.writtenBy)
  }
}

/// The parts of a page about a quantized model.
func quantizedSections(
  _ report: QuantizationReport, ranges: [ObservedRange], codes: [WeightCodes], facts: ModelFacts,
  measurements: ModelMeasurements = ModelMeasurements()
) -> [Section] {
  var sections = [
    Section(
      "Summary", anchor: "summary",
      [summary(report, facts, measurements)]
        + Markup.messages(warnings: report.warnings, notes: report.notes)),
    Section(
      "Layers", anchor: "layers",
      [layerTable(report.layers, width: report.accumulatorBits ?? 32)]
        + determinationTable(report.layers, width: report.accumulatorBits)),
  ]
  sections += measuredSections(measurements)
  if let calibration = report.calibration {
    sections.append(
      Section("Calibration", anchor: "calibration", calibrationFacts(calibration, report)))
  }
  if !ranges.isEmpty {
    sections.append(Section("Activations", anchor: "activations", activations(ranges, report)))
  }
  let charts = codes.compactMap(codeFigure)
  if !charts.isEmpty {
    sections.append(
      Section(
        "Codes of weights", anchor: "codes",
        [
          .paragraph("How many weights have each code; the zero point is code 0."),
          .gallery(charts),
        ]))
  }
  let rest = restInFloat(report)
  if !rest.isEmpty { sections.append(Section("Not on codes", anchor: "float", rest)) }
  return sections
}

/// `weight-levels=16 range=mse` as `weight-levels 16, range mse`.
private func words(ofSettings text: String) -> String {
  text.split(separator: " ").map { setting in
    setting.split(separator: "=", maxSplits: 1).joined(separator: " ")
  }.joined(separator: ", ")
}

private func summary(
  _ report: QuantizationReport, _ facts: ModelFacts, _ measurements: ModelMeasurements
) -> Markup {
  var items = measurements.facts
  let after = facts.fileBytes.after.map { formatted(bytes: $0) }
  if let before = facts.fileBytes.before, let bytes = facts.fileBytes.after, let after {
    items.append(
      (
        "File", after,
        "\(formatted(bytes: before)) in float, "
          + "\(formatted(Double(before) / Double(max(bytes, 1)), digits: 2)) times as much"
      ))
  } else if let after {
    items.append(("File", after, "the float model is not at hand"))
  }
  items.append(("Parameters", formatted(count: facts.parameters), "operator set \(facts.opset)"))
  let integers = report.layers.count { !$0.execution.hasPrefix("float") }
  items.append(
    (
      "Layers on integers", "\(integers) of \(report.layers.count)",
      report.floatNodes.isEmpty
        ? "no other node in float" : "\(report.floatNodes.count) other nodes in float"
    ))
  if report.sampleCount > 0 {
    items.append(("Calibrated on", formatted(count: report.sampleCount), "samples"))
  }
  if let worst = report.layers.filter({ $0.weightSQNR != nil }).min(by: {
    ($0.weightSQNR ?? 0) < ($1.weightSQNR ?? 0)
  }), let ratio = worst.weightSQNR {
    items.append(("Least kept weights", formatted(decibels: ratio), worst.name))
  }
  if let worst = report.activations.filter({ $0.sqnr != nil }).min(by: {
    ($0.sqnr ?? 0) < ($1.sqnr ?? 0)
  }), let ratio = worst.sqnr {
    items.append(("Least kept activation", formatted(decibels: ratio), worst.name))
  }
  if let widest = report.layers.max(by: { ($0.accumulatorBits ?? 0) < ($1.accumulatorBits ?? 0) }),
    let bits = widest.accumulatorBits
  {
    items.append(
      ("Widest accumulator", "\(bits) of \(report.accumulatorBits ?? 32) bits", widest.name))
  }
  return .facts(items)
}

private func layerTable(_ layers: [QuantizationReport.Layer], width: Int) -> Markup {
  let longest = layers.compactMap(\.weightSQNR).filter(\.isFinite).max()
  var table = Table(
    "Layers in the order of execution. Accumulators: the bits that every intermediate sum fits, proven "
      + "from weights and input codes, of the \(width) that "
      + (width == 32 ? "there are." : "the model is made for."),
    columns: [
      "layer", "computed in", "weight levels", "weight scale", "SQNR of weights", "input levels",
      "input scale", "input zero point", "accumulator bits",
    ])
  for layer in layers {
    table.add([
      .markup([
        .name(layer.name), Markup("span", ["class": "below"], layer.operatorType),
      ]),
      .text(execution(layer)), weightLevels(layer), weightScale(layer),
      layer.weightSQNR.map { cell(decibels: $0, longest: longest) } ?? .none,
      layer.activationLevels > 0 ? .number("\(layer.activationLevels)") : .none,
      layer.activationScale.map { .number(formatted(Double($0), significant: 4)) } ?? .none,
      layer.activationZeroPoint.map { .number("\($0)") } ?? .none, accumulator(layer, width),
    ])
  }
  return table.markup
}

private func execution(_ layer: QuantizationReport.Layer) -> String {
  let prefix = "float: "
  guard layer.execution.hasPrefix(prefix) else { return "integers, as \(layer.execution)" }
  return "float, because \(layer.execution.dropFirst(prefix.count))"
}

private func weightLevels(_ layer: QuantizationReport.Layer) -> Table.Cell {
  guard let levels = layer.weightLevels else { return .none }
  return .number("\(levels) in \(layer.weightBits ?? 8) bits")
}

/// The scale, or the smallest and the largest of several; the zero point of weights is always 0.
private func weightScale(_ layer: QuantizationReport.Layer) -> Table.Cell {
  guard let scales = layer.weightScales, let low = scales.first, let high = scales.last else {
    return .none
  }
  let ends = [low, high].map { formatted(Double($0), significant: 3) }
  return .markup([
    Markup(
      "span", ["class": "together"],
      ends[0] == ends[1] ? ends[0] : "\(ends[0]) to \(ends[1])"),
    Markup("span", ["class": "below"], layer.granularity.map { "by \($0)" } ?? ""),
  ])
}

private func accumulator(_ layer: QuantizationReport.Layer, _ width: Int) -> Table.Cell {
  guard let bits = layer.accumulatorBits else { return .none }
  // A wrapping sum of 32 bits is right where the last one fits.
  let fits = width == 32 ? layer.fits32Bits != false : bits <= width
  return .bar(
    "\(bits) of \(width)\(fits ? "" : ": can overflow")", share: Double(bits) / Double(width))
}

private func calibrationFacts(
  _ calibration: QuantizationReport.Calibration, _ report: QuantizationReport
) -> [Markup] {
  var table = Table(
    "What ranges and scales come from. The written model says the same in its metadata.",
    columns: ["what", "value"])
  for data in calibration.data {
    table.add([.text("data"), .markup([.name(data)])])
  }
  table.add([.text("samples"), .text(formatted(count: calibration.samples))])
  if !calibration.statistics.isEmpty {
    table.add([
      .text("SHA-256 of the statistics"), .markup([.name(calibration.statistics)]),
    ])
  }
  if !calibration.model.isEmpty {
    table.add([.text("SHA-256 of the float model"), .markup([.name(calibration.model)])])
  }
  let nans = report.activations.filter { $0.sharedWith == nil }.reduce(0) { $0 + $1.nans }
  let infinities = report.activations.filter { $0.sharedWith == nil }.reduce(0) {
    $0 + $1.infinities
  }
  if report.activations.contains(where: { $0.sqnr != nil }) {
    table.add([.text("NaN and infinities"), .text("\(nans) and \(infinities)")])
  }
  return [table.markup]
}

private func restInFloat(_ report: QuantizationReport) -> [Markup] {
  var parts: [Markup] = []
  if !report.floatNodes.isEmpty {
    var table = Table("Nodes in float, and why.", columns: ["node", "operator", "why"])
    for node in report.floatNodes {
      table.add([.markup([.name(node.name)]), .text(node.operatorType), .text(node.reason)])
    }
    parts.append(table.markup)
  }
  if !report.fused.isEmpty {
    var table = Table(
      "Nodes that became part of a quantizer.", columns: ["node", "operator", "quantizer of"])
    for node in report.fused {
      table.add([
        .markup([.name(node.name)]), .text(node.operatorType), .markup([.name(node.quantizerOf)]),
      ])
    }
    parts.append(table.markup)
  }
  return parts
}
