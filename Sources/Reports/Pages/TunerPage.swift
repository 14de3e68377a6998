public import ConfigurationSearch
public import MixedPrecision

/// A search for a configuration as a page shows it.
public struct TunerPicture: Sendable {
  /// A configuration that was measured.
  public struct Trial: Sendable {
    /// From 1.
    public var number: Int
    /// The value of each axis.
    public var values: [String]
    /// What it was predicted to be worth, where something was.
    public var prediction: Double?
    /// What it is worth: the score, or decibels that stand for the answers' divergence.
    public var worth: Double
    /// How good it is; `nil` where nothing was given to score by.
    public var score: MeasuredPrecision.Score?
    /// How far its answers are from the float network's.
    public var divergence: OutputDivergence
    /// Bytes of its constants.
    public var bytes: Int

    /// Makes a trial.
    public init(
      number: Int, values: [String], prediction: Double?, worth: Double,
      score: MeasuredPrecision.Score?, divergence: OutputDivergence, bytes: Int
    ) {
      self.number = number
      self.values = values
      self.prediction = prediction
      self.worth = worth
      self.score = score
      self.divergence = divergence
      self.bytes = bytes
    }
  }

  /// What the page calls the model.
  public var model: String
  /// What the data are called.
  public var data: String
  /// How configurations were chosen.
  public var method: TuningMethod
  /// What was varied.
  public var axes: [ConfigurationSpace.Axis]
  /// How many configurations there are.
  public var configurations: Int
  /// In the order in which they were measured.
  public var trials: [Trial]
  /// The same, best first.
  public var ranking: [Trial]
  /// The score of the network in float.
  public var floatScore: MeasuredPrecision.Score?
  /// Writes the file of the best.
  public var command: String
  /// The program and its version.
  public var writtenBy: String

  /// Makes a picture.
  public init(
    model: String, data: String, method: TuningMethod, axes: [ConfigurationSpace.Axis],
    configurations: Int, trials: [Trial], ranking: [Trial],
    floatScore: MeasuredPrecision.Score?, command: String, writtenBy: String
  ) {
    self.model = model
    self.data = data
    self.method = method
    self.axes = axes
    self.configurations = configurations
    self.trials = trials
    self.ranking = ranking
    self.floatScore = floatScore
    self.command = command
    self.writtenBy = writtenBy
  }

  fileprivate var worthName: String { trials.first?.score?.name ?? "nearness of answers" }
  fileprivate var unit: String { trials.first?.score?.unit ?? "dB" }
}

extension ReportPage {
  /// A search for a configuration: the best, how the search went, what each value of each axis brought,
  /// and what was measured.
  public init(_ picture: TunerPicture) {
    self.init(
      kind: "Configurations", title: picture.model,
      lead: Markup(
        "\(picture.trials.count) of \(picture.configurations) ways to quantize measured, "
          + "\(picture.method.rawValue) search; data: \(picture.data)."),
      sections: [
        Section("Best", anchor: "best", best(picture)),
        Section("Search", anchor: "search", course(picture)),
        Section("What mattered", anchor: "axes", effects(picture)),
        Section("Configurations", anchor: "configurations", [ranking(picture)]),
      ], footer: picture.writtenBy)
  }
}

private func best(_ picture: TunerPicture) -> [Markup] {
  guard let best = picture.ranking.first else { return [] }
  var facts: [(title: String, value: String, remark: String)] = []
  if let score = best.score {
    facts.append(
      (
        score.name, "\(formatted(score.value, digits: 2)) \(score.unit)",
        picture.floatScore.map {
          "\(formatted($0.value, digits: 2)) \($0.unit) in float"
        } ?? ""
      ))
  }
  facts.append(
    ("Output", formatted(decibels: best.divergence.sqnr), "signal to noise, against float"))
  facts.append(("Constants", formatted(bytes: best.bytes), "as they are written"))
  facts.append(("Found", "trial \(best.number)", "of \(picture.trials.count)"))
  return [
    .facts(facts), .paragraph("The command that writes it:"),
    Markup("pre", [:], [Markup("code", [:], picture.command)]),
  ]
}

private func course(_ picture: TunerPicture) -> [Markup] {
  var best = -Double.infinity
  let bests = picture.trials.map { trial in
    best = max(best, trial.worth)
    return (x: Double(trial.number), y: best)
  }
  let each = picture.trials.map { (x: Double($0.number), y: $0.worth) }
  let title = "\(picture.worthName) by trial"
  let chart = LineChart(
    title: title, xTitle: "trial", yTitle: picture.unit,
    series: [
      .init(name: "best so far", points: bests),
      .init(name: "trial", points: each, isJoined: false),
    ],
    size: (560, 280))
  return chart.drawing.map {
    [.gallery([.figure($0, [Markup("h3", [:], title)])], isWide: true)]
  } ?? []
}

/// The best and the mean of the trials that have each value.
private func effects(_ picture: TunerPicture) -> [Markup] {
  let worths = picture.trials.map(\.worth)
  let (low, high) = (worths.min() ?? 0, worths.max() ?? 0)
  func cell(_ value: Double) -> Table.Cell {
    .bar(
      "\(formatted(value, digits: 2)) \(picture.unit)",
      share: high > low ? (value - low) / (high - low) : 1)
  }
  var table = Table(
    "Trials with each value, whatever their other values; the empty bar is the worst trial, the full one "
      + "the best.", columns: ["axis", "value", "trials", "best", "mean"])
  for (place, axis) in picture.axes.enumerated() {
    for value in axis.values {
      let own = picture.trials.filter { $0.values[place] == value }.map(\.worth)
      guard let best = own.max() else {
        table.add([.text(axis.name), .markup([.name(value)]), .number("0"), .none, .none])
        continue
      }
      table.add([
        .text(axis.name), .markup([.name(value)]), .number("\(own.count)"), cell(best),
        cell(own.reduce(0, +) / Double(own.count)),
      ])
    }
  }
  return [table.markup]
}

private func ranking(_ picture: TunerPicture) -> Markup {
  var table = Table(
    "What was measured, best first.",
    columns: ["trial", picture.worthName, "predicted", "SQNR", "constants"]
      + picture.axes.map(\.name))
  for trial in picture.ranking {
    let worth = "\(formatted(trial.worth, digits: 2)) \(picture.unit)"
    table.add(
      [
        .number("\(trial.number)"), .number(worth),
        trial.prediction.map { .number(formatted($0, digits: 2)) } ?? .none,
        .number(formatted(decibels: trial.divergence.sqnr)),
        .number(formatted(bytes: trial.bytes)),
      ] + trial.values.map { .text($0) })
  }
  return table.markup
}
