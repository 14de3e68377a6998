import LowBit

extension HTMLPage {
  /// What `qtool quantize` did.
  init(_ result: Quantize.Result, model: String) {
    self.init(title: "\(model) quantized to \(result.output)")
    let report = result.report
    paragraph(
      "\(report.settings); ranges from \(report.sampleCount) samples; file "
        + "\(formatted(bytes: result.fileBytes.before)) before, "
        + "\(formatted(bytes: result.fileBytes.after)) after; operator set \(result.opset)")
    list(report.warnings.map { "Warning: \($0)" } + report.notes)
    layers(report.layers)
    activations(report.activations)
    if !report.floatNodes.isEmpty {
      heading("In float")
      table(
        ["node", "operator", "why"],
        report.floatNodes.map { [.text($0.name), .text($0.operatorType), .text($0.reason)] })
    }
    if !report.fused.isEmpty {
      heading("Part of a quantizer")
      table(
        ["node", "operator", "quantizer of"],
        report.fused.map { [.text($0.name), .text($0.operatorType), .text($0.quantizerOf)] })
    }
  }

  private mutating func layers(_ layers: [QuantizationReport.Layer]) {
    heading("Layers")
    let ratios = layers.compactMap(\.weightSQNR).filter(\.isFinite)
    table(
      [
        "layer", "operator", "runs as", "weight levels", "bits in the file", "scale for", "range",
        "SQNR of weights", "levels of the input",
      ],
      layers.map { layer in
        [
          .text(layer.name), .text(layer.operatorType), .text(layer.execution),
          .number(layer.weightLevels.map(String.init) ?? ""),
          .number(layer.weightBits.map(String.init) ?? ""), .text(layer.granularity ?? ""),
          .text(layer.weightRange ?? ""), .decibels(layer.weightSQNR, longest: ratios.max()),
          .number("\(layer.activationLevels)"),
        ]
      })
  }

  private mutating func activations(_ activations: [QuantizationReport.Activation]) {
    heading("Activations")
    table(
      [
        "value", "levels", "scale", "zero point", "stands for", "observed", "range",
        "shares its quantizer with",
      ],
      activations.map { value in
        let lowest = -Float(value.zeroPoint) * value.scale
        let highest = Float(value.levels - 1 - value.zeroPoint) * value.scale
        let observed = value.minimum.flatMap { low in value.maximum.map { "\(low) to \($0)" } }
        return [
          .text(value.name), .number("\(value.levels)"), .number("\(value.scale)"),
          .number("\(value.zeroPoint)"), .number("\(lowest) to \(highest)"),
          .number(observed ?? ""), .text(value.range), .text(value.sharedWith ?? ""),
        ]
      })
  }
}

extension HTMLPage.Cell {
  /// A ratio in dB with a bar, which is full for an infinite one and for the largest of its column.
  static func decibels(_ value: Double?, longest: Double?) -> HTMLPage.Cell {
    guard let value else { return .text("") }
    guard value.isFinite else { return .bar("equal", share: 1) }
    return .bar("\(formatted(value, digits: 2)) dB", share: value / max(longest ?? value, 1e-9))
  }
}
