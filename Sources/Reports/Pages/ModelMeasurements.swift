public import MixedPrecision

/// What was measured of a quantized model, for its page.
public struct ModelMeasurements: Sendable {
  /// What becomes of the answers when one layer alone is quantized.
  public struct LayerLoss: Sendable {
    /// The layer.
    public var name: String
    /// Its levels.
    public var precision: LayerPrecision
    /// How far answers are from the float network's.
    public var divergence: OutputDivergence

    /// Makes a loss.
    public init(name: String, precision: LayerPrecision, divergence: OutputDivergence) {
      self.name = name
      self.precision = precision
      self.divergence = divergence
    }
  }

  /// A model by its size.
  public struct SizedModel: Sendable {
    /// Bytes of its constants.
    public var bytes: Int
    /// How far its answers are from the float network's.
    public var sqnr: Double?
    /// How good it is.
    public var score: MeasuredPrecision.Score?

    /// Makes one.
    public init(bytes: Int, sqnr: Double?, score: MeasuredPrecision.Score?) {
      self.bytes = bytes
      self.sqnr = sqnr
      self.score = score
    }
  }

  /// The score in float and quantized.
  public var score: (before: MeasuredPrecision.Score, after: MeasuredPrecision.Score)?
  /// What the data of the score are called.
  public var scoreData = ""
  /// In the order in which layers run.
  public var layers: [LayerLoss] = []
  /// All layers together.
  public var whole: OutputDivergence?
  /// Other models of the same network.
  public var others: [SizedModel] = []
  /// This one among them, as far as it was measured on the same data.
  public var own: SizedModel?

  /// Nothing is measured.
  public init() {}

  /// For a summary.
  var facts: [(title: String, value: String, remark: String)] {
    guard let score else { return [] }
    let (before, after) = (score.before, score.after)
    return [
      (
        after.name, "\(formatted(after.value, digits: 2)) \(after.unit)",
        "\(formatted(before.value, digits: 2)) \(before.unit) in float, on \(scoreData)"
      )
    ]
  }
}

/// Sensitivities of layers, and the model among others of the network.
func measuredSections(_ measurements: ModelMeasurements) -> [Section] {
  var sections: [Section] = []
  if !measurements.layers.isEmpty {
    sections.append(
      Section("Sensitivities", anchor: "sensitivities", sensitivities(measurements)))
  }
  let charts = sizeCharts(measurements)
  if !charts.isEmpty {
    sections.append(
      Section(
        "Size and loss", anchor: "curve",
        [
          .paragraph(
            "Models of this network that a search measured; the line leads along those that no smaller one "
              + "excels."), .gallery(charts, isWide: true),
        ]))
  }
  return sections
}

private func sensitivities(_ measurements: ModelMeasurements) -> [Markup] {
  let losses = measurements.layers.map(\.divergence.loss)
  let most = losses.max() ?? 0
  var table = Table(
    "What becomes of the answers when one layer alone is quantized, as it is in this model: loss, longest "
      + "bar the most.", columns: ["layer", "precision", "loss", "SQNR of the output"])
  for (layer, loss) in zip(measurements.layers, losses) {
    table.add([
      .markup([.name(layer.name)]), .text(layer.precision.description),
      .bar(formatted(loss, significant: 3), share: most > 0 ? loss / most : 0),
      .number(formatted(decibels: layer.divergence.sqnr)),
    ])
  }
  let isDivergence = measurements.layers[0].divergence.divergence != nil
  let meaning =
    isDivergence
    ? "Loss is the mean Kullback-Leibler divergence of the answers from the float network's, in nats."
    : "Loss is the ratio of noise to signal in the first output."
  let whole = measurements.whole.map {
    " All layers together: \(formatted($0.loss, significant: 3)), "
      + "\(formatted(decibels: $0.sqnr)); the layers' own add up to "
      + "\(formatted(losses.reduce(0, +), significant: 3))."
  }
  return [.paragraph(meaning + (whole ?? "")), table.markup]
}

private func sizeCharts(_ measurements: ModelMeasurements) -> [Markup] {
  func chart(
    _ title: String, _ unit: String, _ value: (ModelMeasurements.SizedModel) -> Double?
  ) -> Markup? {
    let points = measurements.others.compactMap { model in
      value(model).map { (x: Double(model.bytes), y: $0) }
    }.filter(\.y.isFinite).sorted { ($0.x, -$0.y) < ($1.x, -$1.y) }
    var most = -Double.infinity
    var front: [(x: Double, y: Double)] = []
    for point in points where point.y > most {
      most = point.y
      front.append(point)
    }
    guard !points.isEmpty else { return nil }
    var chart = LineChart(
      title: title, xTitle: "bytes of constants", yTitle: unit,
      series: [
        .init(name: "best", points: front),
        .init(name: "measured", points: points, isJoined: false),
      ], size: (560, 280))
    if let own = measurements.own, let y = value(own), y.isFinite {
      chart.chosen = (Double(own.bytes), y, "this model")
      chart.xNumbers = Double(own.bytes)...Double(own.bytes)
      chart.yNumbers = y...y
    }
    return chart.drawing.map { .figure($0, [Markup("h3", [:], title)]) }
  }
  let score = measurements.others.compactMap(\.score).first
  return [
    score.flatMap { score in
      chart("\(score.name) by size", score.unit) { $0.score?.value }
    },
    chart("SQNR of the output by size", "dB") { $0.sqnr },
  ].compactMap(\.self)
}
