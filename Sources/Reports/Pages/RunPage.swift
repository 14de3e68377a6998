public import PostTraining
public import Training

/// A training run as its folder has it.
public struct RunPicture: Sendable {
  /// What the page calls the run.
  public var name: String
  /// The log, oldest first; may be empty.
  public var records: [TrainingRecord]
  /// The settings by name, in order.
  public var settings: [(name: String, value: String)]
  /// What could not be shown, and why.
  public var notes: [String]
  /// The program and its version.
  public var writtenBy: String

  /// Makes a run.
  public init(
    name: String, records: [TrainingRecord], settings: [(name: String, value: String)],
    notes: [String] = [], writtenBy: String
  ) {
    self.name = name
    self.records = records
    self.settings = settings
    self.notes = notes
    self.writtenBy = writtenBy
  }

  /// Whether the last step was done.
  public var isFinished: Bool { records.last.map { $0.step >= $0.steps } ?? false }
}

extension ReportPage {
  /// A training run: curves, stages, settings, and the model that came out of it.
  ///
  /// - Parameters:
  ///   - run: The run; one that is not finished is shown as far as it came.
  ///   - result: The quantized model that the run wrote and its facts; `nil` where there is none yet.
  public init(_ run: RunPicture, result: (file: QuantizedFile, facts: ModelFacts)?) {
    var warnings: [String] = []
    if let last = run.records.last, !run.isFinished {
      warnings.append(
        "the run is not finished: \(last.step) of \(last.steps) steps are in the log "
          + "(\(formatted(100 * Double(last.step) / Double(max(last.steps, 1)), digits: 1)) %)")
    } else if run.records.isEmpty {
      warnings.append("the run is not finished: its log is empty so far")
    }
    var sections = [
      Section(
        "Summary", anchor: "summary",
        [runFacts(run)] + Markup.messages(warnings: warnings, notes: run.notes))
    ]
    let charts = runCharts(run.records)
    if !charts.isEmpty {
      sections.append(
        Section(
          "Curves", anchor: "curves", [stageWords(run.records)] + [.gallery(charts, isWide: true)])
      )
    }
    let stages = stageTable(run.records)
    if let stages { sections.append(Section("Stages", anchor: "stages", [stages])) }
    if let result {
      var parts = quantizedSections(
        result.file.report, ranges: result.file.ranges, codes: result.file.codes,
        facts: result.facts)
      parts[0] = Section("Result", anchor: "result", parts[0].content)
      sections += parts
    }
    if !run.settings.isEmpty {
      sections.append(Section("Settings", anchor: "settings", [settingsTable(run.settings)]))
    }
    if let log = logTable(run.records) {
      sections.append(Section("Log", anchor: "log", [log]))
    }
    self.init(
      kind: "Training run", title: run.name,
      lead: run.isFinished ? "Finished." : "Not finished.", sections: sections,
      footer: run.writtenBy)
  }
}

private func runFacts(_ run: RunPicture) -> Markup {
  guard let last = run.records.last else { return .facts([]) }
  var facts: [(title: String, value: String, remark: String)] = [
    ("Steps", formatted(count: last.step), "of \(formatted(count: last.steps))"),
    ("Epochs", "\(last.epoch)", run.isFinished ? "all" : "begun so far"),
    ("Loss", formatted(last.loss, significant: 4), "mean of the last record's steps"),
  ]
  if let accuracy = last.accuracy {
    facts.append(
      ("Accuracy in training", "\(formatted(accuracy, digits: 2)) %", "of the last record's steps"))
  }
  for (title, unit, of) in validations {
    let measured = run.records.filter { of($0) != nil }
    guard let final = measured.last, let value = of(final) else { continue }
    let best = measured.max { (of($0) ?? 0) < (of($1) ?? 0) }
    let remark = best.flatMap { best in
      of(best).map { "best \(formatted($0, digits: 2)) \(unit), epoch \(best.epoch)" }
    }
    facts.append((title, "\(formatted(value, digits: 2)) \(unit)", remark ?? ""))
  }
  return .facts(facts)
}

/// What validation may measure: its name, its unit and where the log has it.
private var validations: [(title: String, unit: String, value: (TrainingRecord) -> Double?)] {
  [
    ("Validation top-1", "%", \.validationTop1), ("Validation PSNR", "dB", \.validationPSNR),
    ("Validation SQNR", "dB", \.validationSQNR),
  ]
}

// MARK: - Curves

private func runCharts(_ records: [TrainingRecord]) -> [Markup] {
  guard records.count > 1 else { return [] }
  let borders = stageBorders(records)
  func points(_ value: (TrainingRecord) -> Double?) -> [(x: Double, y: Double)] {
    records.compactMap { record in value(record).map { (Double(record.step), $0) } }
  }
  func chart(
    _ title: String, _ unit: String, _ series: [LineChart.Series], from least: Double? = nil
  ) -> Markup? {
    LineChart(
      title: title, xTitle: "step", yTitle: unit, series: series.filter { !$0.points.isEmpty },
      borders: borders, xNumbers: 0...Double(records.last?.steps ?? 1),
      yNumbers: least.map { $0...$0 }
    ).drawing.map { .figure($0, [Markup("h3", [:], title)]) }
  }
  let accuracies: [LineChart.Series] = [
    .init(name: "training", points: points(\.accuracy)),
    .init(name: "validation", points: points(\.validationTop1)),
  ]
  return [
    chart("Loss", "mean of the steps", [.init(name: "loss", points: points(\.loss))], from: 0),
    chart("Accuracy", "percent", accuracies),
    chart(
      "Validation", "dB", [.init(name: "PSNR", points: points(\.validationPSNR))]),
    chart(
      "Validation", "dB", [.init(name: "SQNR", points: points(\.validationSQNR))]),
    chart(
      "Learning rate", "of the last step",
      [.init(name: "rate", points: points { Double($0.rate) })], from: 0),
  ].compactMap(\.self)
}

/// Where stages begin, by the last step before.
private func stageBorders(_ records: [TrainingRecord]) -> [LineChart.Border] {
  guard Set(records.map(\.stage)).count > 1 else { return [] }
  var borders: [LineChart.Border] = []
  var before = 0
  var stage = 0
  for record in records {
    if record.stage != stage { borders.append(.init(x: Double(before), name: "\(record.stage)")) }
    (stage, before) = (record.stage, record.step)
  }
  return borders
}

private func stageWords(_ records: [TrainingRecord]) -> Markup {
  stageBorders(records).isEmpty
    ? .paragraph("One mark a record of the log: the end of an epoch.")
    : .paragraph(
      "One mark a record of the log: the end of an epoch or a stage. Dotted lines are the beginnings of "
        + "stages, with their numbers.")
}

// MARK: - Tables

private func stageTable(_ records: [TrainingRecord]) -> Markup? {
  let stages = Dictionary(grouping: records, by: \.stage).sorted { $0.key < $1.key }
  guard stages.count > 1 else { return nil }
  var table = Table(
    "Stages with the last record of each.",
    columns: ["stage", "what", "steps to", "loss", "accuracy", "validation"])
  for (number, records) in stages {
    guard let last = records.last else { continue }
    table.add([
      .text("\(number)"), .markup([.name(last.stageName)]), .number(formatted(count: last.step)),
      .number(formatted(last.loss, significant: 4)), percent(last.accuracy),
      validation(records.last { validation($0) != nil } ?? last).map { .number($0) } ?? .none,
    ])
  }
  return table.markup
}

private func settingsTable(_ settings: [(name: String, value: String)]) -> Markup {
  var table = Table("Settings, as --config reads them.", columns: ["option", "value"])
  for (name, value) in settings {
    table.add([.markup([.name(name)]), .markup([.name(value)])])
  }
  return table.markup
}

/// Records beyond this number are left out of the table, the oldest ones.
private let mostRows = 200

private func logTable(_ records: [TrainingRecord]) -> Markup? {
  guard !records.isEmpty else { return nil }
  let shown = records.suffix(mostRows)
  var table = Table(
    shown.count == records.count
      ? "All records of the log."
      : "The last \(shown.count) of \(records.count) records; log.jsonl has all.",
    columns: [
      "epoch", "stage", "step", "loss", "accuracy", "validation", "rate", "images a second",
    ])
  for record in shown {
    table.add([
      .text("\(record.epoch)"), .text("\(record.stage)"), .number(formatted(count: record.step)),
      .number(formatted(record.loss, significant: 4)), percent(record.accuracy),
      validation(record).map { .number($0) } ?? .none,
      .number(formatted(Double(record.rate), significant: 3)),
      .number(formatted(record.imagesPerSecond, digits: 0)),
    ])
  }
  return table.markup
}

private func percent(_ value: Double?) -> Table.Cell {
  value.map { .number("\(formatted($0, digits: 2)) %") } ?? .none
}

private func validation(_ record: TrainingRecord) -> String? {
  for (_, unit, of) in validations {
    if let value = of(record) { return "\(formatted(value, digits: 2)) \(unit)" }
  }
  return nil
}
