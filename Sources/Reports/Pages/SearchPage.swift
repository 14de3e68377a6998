public import MixedPrecision

/// A search for bits as a page shows it.
public struct PrecisionPicture: Sendable {
  /// What the page calls the model.
  public var model: String
  /// What the data are called.
  public var data: String
  /// Sensitivities and what is counted.
  public var search: PrecisionSearch
  /// Models that were measured whole, by rising cost.
  public var models: [MeasuredPrecision]
  /// The score of the network in float.
  public var floatScore: MeasuredPrecision.Score?
  /// The model that was chosen.
  public var chosen: MeasuredPrecision?
  /// The program and its version.
  public var writtenBy: String

  /// Makes a picture.
  public init(
    model: String, data: String, search: PrecisionSearch, models: [MeasuredPrecision],
    floatScore: MeasuredPrecision.Score?, chosen: MeasuredPrecision? = nil, writtenBy: String
  ) {
    self.model = model
    self.data = data
    self.search = search
    self.models = models
    self.floatScore = floatScore
    self.chosen = chosen
    self.writtenBy = writtenBy
  }
}

extension ReportPage {
  /// A search for bits: the curve against equal bits, sensitivities, and what was chosen.
  public init(_ picture: PrecisionPicture) {
    let space = picture.search.space
    self.init(
      kind: "Bits of layers", title: picture.model,
      lead: Markup(
        "\(space.layers.count) layers, \(space.choices.map(\.description).joined(separator: ", ")); "
          + "sensitivities and losses on \(picture.data)."),
      sections: [
        Section("Curve", anchor: "curve", curve(picture)),
        Section("Sensitivities", anchor: "sensitivities", sensitivities(picture)),
      ] + choice(picture), footer: picture.writtenBy)
  }
}

// MARK: - The curve

private func curve(_ picture: PrecisionPicture) -> [Markup] {
  let kind = picture.search.kind
  func chart(_ title: String, _ unit: String, _ value: (MeasuredPrecision) -> Double?) -> Markup? {
    func points(_ isWanted: (MeasuredPrecision) -> Bool) -> [(x: Double, y: Double)] {
      picture.models.filter(isWanted).compactMap { model in
        value(model).map { (Double(model.cost), $0) }
      }
    }
    let series: [LineChart.Series] = [
      .init(name: "mixed", points: points { $0.origin == .searched }),
      .init(name: "equal bits", points: points { $0.origin != .searched }),
    ]
    return LineChart(
      title: title, xTitle: kind.unit, yTitle: unit, series: series.filter { !$0.points.isEmpty },
      size: (560, 280)
    ).drawing.map { .figure($0, [Markup("h3", [:], title)]) }
  }
  let score = picture.models.compactMap(\.score).first
  var table = Table(
    "Models that were quantized and measured whole.",
    columns: [
      "model", kind.unit, "constants", "expected loss", "loss", "SQNR", score?.name ?? "score",
    ])
  for model in picture.models {
    table.add([
      .text(model.origin.name), .number(formatted(count: model.cost)),
      .number(formatted(bytes: model.bytes)),
      .number(formatted(model.expectedLoss, significant: 3)),
      .number(formatted(model.divergence.loss, significant: 3)),
      .number("\(formatted(model.divergence.sqnr, digits: 1)) dB"),
      model.score.map { .number("\(formatted($0.value, digits: 2)) \($0.unit)") } ?? .none,
    ])
  }
  let charts = [
    score.flatMap { score in
      chart("\(score.name) against \(kind.unit)", score.unit) { $0.score?.value }
    },
    chart("SQNR of the output against \(kind.unit)", "dB") { model in
      model.divergence.sqnr.isFinite ? model.divergence.sqnr : nil
    },
  ].compactMap(\.self)
  let float = picture.floatScore.map {
    [
      Markup.paragraph(
        "The network in float: \($0.name) \(formatted($0.value, digits: 2)) \($0.unit).")
    ]
  }
  return (float ?? []) + [.gallery(charts, isWide: true), table.markup]
}

// MARK: - Sensitivities

private func sensitivities(_ picture: PrecisionPicture) -> [Markup] {
  let search = picture.search
  var table = Table(
    "What becomes of the answers when one layer alone is quantized: loss, longest bar the most.",
    columns: ["layer", "weights", "multiplications"] + search.space.choices.map(\.description))
  let most = search.sensitivities.joined().map(\.divergence.loss).max() ?? 1
  for (layer, row) in zip(search.space.layers, search.sensitivities) {
    table.add(
      [
        .markup([.name(layer.label)]), .number(formatted(count: layer.weightCount)),
        .number(formatted(count: layer.multiplications)),
      ]
        + row.map { found in
          .bar(
            formatted(found.divergence.loss, significant: 3),
            share: most > 0 ? found.divergence.loss / most : 0)
        })
  }
  let isDivergence = search.sensitivities.first?.first?.divergence.divergence != nil
  return [
    .paragraph(
      isDivergence
        ? "Loss is the mean Kullback-Leibler divergence of the answers from the float network's, in nats."
        : "Loss is the ratio of noise to signal in the first output."),
    table.markup,
  ]
}

// MARK: - The choice

private func choice(_ picture: PrecisionPicture) -> [Section] {
  guard let chosen = picture.chosen else { return [] }
  let space = picture.search.space
  var table = Table("Precisions of the model that was written.", columns: ["layer", "precision"])
  for (layer, option) in zip(space.layers, chosen.options) {
    table.add([.markup([.name(layer.label)]), .text(space.choices[option].description)])
  }
  return [
    Section(
      "Choice", anchor: "choice",
      [
        .paragraph(
          "\(formatted(count: chosen.cost)) \(picture.search.kind.unit), loss "
            + "\(formatted(chosen.divergence.loss, significant: 3))."),
        table.markup,
      ])
  ]
}
