import Glibc
import PostTraining
import Quantization

/// Activations: how to read the figures, a figure for each quantizer, and a table of all values.
func activations(_ ranges: [ObservedRange], _ report: QuantizationReport) -> [Markup] {
  let figures = ranges.map(activationFigure)
  var parts: [Markup] = []
  if ranges.contains(where: { $0.histogram != nil }) {
    parts.append(
      .paragraph(
        "The shaded field between brackets is what the codes span. Bars outside it are hatched: these "
          + "values are cut off. The pin with a hollow head counts exact zeros. Below, the mean squared "
          + "error of each scale that the search looks at first, with its best zero point; the diamond is "
          + "what was chosen."))
  }
  parts.append(.gallery(figures))
  parts.append(activationTable(report.activations))
  return parts
}

/// One quantizer with what it was chosen from.
func activationFigure(_ range: ObservedRange) -> Markup {
  let quantizer = range.quantizer
  let name = range.values.first ?? ""
  var facts = [
    "\(quantizer.levels) levels", "scale \(formatted(Double(quantizer.scale), significant: 4))",
    "zero point \(quantizer.zeroPoint)",
  ]
  if let method = range.method { facts.append("range \(method)") }
  if let histogram = range.histogram, histogram.finiteCount > 0 {
    let finite = Double(histogram.finiteCount)
    facts.append("SQNR \(formatted(decibels: histogram.signalToNoise(of: quantizer)))")
    facts.append("zeros \(formatted(share: Double(histogram.zeros) / finite))")
    let slack = Double(quantizer.scale) / 2
    let low = Double(quantizer.value(of: 0)) - slack
    let high = Double(quantizer.value(of: quantizer.levels - 1)) + slack
    facts.append("cut off \(formatted(share: histogram.count(beyond: low...high) / finite))")
    if histogram.nans + histogram.infinities > 0 {
      facts.append("\(histogram.nans) NaN, \(histogram.infinities) infinities")
    }
  }
  var words = [Markup("h3", [:], [.name(name)]), Markup("p", [:], facts.joined(separator: ", "))]
  if range.values.count > 1 {
    let others = range.values.dropFirst()
    words.append(
      Markup(
        "p", [:],
        [Markup("shared with ")]
          + others.enumerated().flatMap { $0 == 0 ? [.name($1)] : [Markup(", "), .name($1)] }))
  }
  var content = [Markup("figcaption", [:], words)]
  if let histogram = range.histogram {
    let chart = HistogramChart(
      title: "Histogram of \(name)", histogram: histogram, quantizer: quantizer)
    content += [chart.drawing, errorCurve(of: histogram, quantizer, name)].compactMap(\.self)
  }
  return Markup("figure", [:], content)
}

/// The error over the scale, and where the chosen quantizer is.
private func errorCurve(
  of histogram: Histogram, _ quantizer: Quantizer, _ name: String
) -> Markup? {
  // With an error of zero there is no place on a logarithmic axis.
  let chosen = histogram.meanSquaredError(of: quantizer)
  let curve = QuantizerSearch.errorCurve(
    of: histogram, levels: quantizer.levels, scheme: .affine
  ).map { (x: Double($0.quantizer.scale), y: $0.error) }.filter { $0.y > 0 }
  guard chosen > 0, curve.count > 2 else { return nil }
  let scale = Double(quantizer.scale)
  return LineChart(
    title: "Error over the scale of \(name)", xTitle: "scale (logarithmic)",
    yTitle: "mean squared error (logarithmic)", series: [.init(name: "error", points: curve)],
    xSpread: .logarithmic, ySpread: .logarithmic, xNumbers: scale...scale,
    yNumbers: chosen...chosen, chosen: (scale, chosen, "chosen"), size: (360, 150)
  ).drawing
}

private func activationTable(_ activations: [QuantizationReport.Activation]) -> Markup {
  let longest = activations.compactMap(\.sqnr).filter(\.isFinite).max()
  var table = Table(
    "All quantized activations by name.",
    columns: [
      "value", "levels", "scale", "zero point", "codes span", "observed", "cut off", "SQNR",
      "quantizer of",
    ])
  for value in activations {
    let span = [
      -Double(value.zeroPoint) * Double(value.scale),
      Double(value.levels - 1 - value.zeroPoint) * Double(value.scale),
    ].map { formatted($0, significant: 4) }
    let observed = value.minimum.flatMap { low in
      value.maximum.map {
        "\(formatted(Double(low), significant: 4)) to \(formatted(Double($0), significant: 4))"
      }
    }
    table.add([
      .markup([.name(value.name)]), .number("\(value.levels)"),
      .number(formatted(Double(value.scale), significant: 4)), .number("\(value.zeroPoint)"),
      .number("\(span[0]) to \(span[1])"), observed.map { .number($0) } ?? .none,
      value.shareBeyond.map { .number(formatted(share: $0)) } ?? .none,
      value.sqnr.map { cell(decibels: $0, longest: longest) } ?? .none,
      value.sharedWith.map { .markup([.name($0)]) } ?? .text("its own"),
    ])
  }
  return table.markup
}

/// How often each code of a layer's weights occurs.
func codeFigure(_ codes: WeightCodes) -> Markup? {
  let used = codes.counts.count { $0 > 0 }
  let all = max(codes.counts.reduce(0, +), 1)
  let zeros =
    codes.counts.indices.contains(-codes.lowest) ? codes.counts[-codes.lowest] : 0
  guard
    let drawing = CodeChart(
      title: "Codes of \(codes.layer)", lowest: codes.lowest, counts: codes.counts
    ).drawing
  else { return nil }
  return Markup(
    "figure", [:],
    [
      Markup(
        "figcaption", [:],
        [
          Markup("h3", [:], [.name(codes.layer)]),
          Markup(
            "p", [:],
            "\(used) of \(codes.counts.count) codes in use, \(formatted(count: all)) weights, zeros "
              + formatted(share: Double(zeros) / Double(all))),
        ]), drawing,
    ])
}
