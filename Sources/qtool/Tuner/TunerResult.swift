import LowBit

/// What `qtool search --tuner` found.
struct TunerResult: Encodable {
  struct Axis: Encodable {
    var name: String
    var values: [String]
  }

  struct Trial: Encodable {
    var number: Int
    var configuration: [String: String]
    var prediction: Double?
    var score: MeasuredPrecision.Score?
    var divergence: Double?
    var sqnr: Double
    var bytes: Int
  }

  var model: String
  var device: String
  var data: String
  var tuner: String
  var axes: [Axis]
  var configurations: Int
  /// Combinations that contradict themselves.
  var impossible: Int
  var floatScore: MeasuredPrecision.Score?
  var trials: [Trial]
  var best: Trial
  /// Writes the best configuration's file.
  var command: String
  var output: String?
  /// Where all configurations are measured.
  var comparison: TunerComparison?
  /// For the page.
  let picture: TunerPicture
  /// Best first.
  private let ranking: [TunerTrial]

  enum CodingKeys: String, CodingKey {
    case model, device, data, tuner, axes, configurations, impossible, floatScore, trials, best
    case command, output, comparison
  }

  init(
    model: String, device: String, data: String, method: TuningMethod,
    floatScore: MeasuredPrecision.Score?, space: TunerSpace, trials: [TunerTrial],
    best: TunerTrial, output: String?, command: [String], comparison: TunerComparison?
  ) {
    self.model = model
    self.device = device
    self.data = data
    tuner = method.rawValue
    axes = space.space.axes.map { Axis(name: $0.name, values: $0.values) }
    configurations = space.candidates.count
    impossible = space.impossible
    self.floatScore = floatScore
    self.comparison = comparison
    self.output = output
    self.command = command.map(\.quotedForShell).joined(separator: " ")
    ranking = trials.sorted(by: TunerTrial.isBetter)
    picture = TunerPicture(
      model: InputFiles.name(of: model), data: DataSpecification.stamp(of: data), method: method,
      axes: space.space.axes, configurations: space.candidates.count,
      trials: trials.map(\.picture), ranking: ranking.map(\.picture), floatScore: floatScore,
      command: self.command, writtenBy: QTool.writer)
    let names = space.space.axes.map(\.name)
    self.trials = trials.map { Self.trial($0, names) }
    self.best = Self.trial(best, names)
  }

  private static func trial(_ trial: TunerTrial, _ names: [String]) -> Trial {
    Trial(
      number: trial.number,
      configuration: Dictionary(zip(names, trial.values)) { first, _ in first },
      prediction: trial.prediction, score: trial.score,
      divergence: trial.divergence.divergence, sqnr: trial.divergence.sqnr, bytes: trial.bytes)
  }

  var text: String {
    var parts = [trialTable]
    if let comparison { parts.append(comparison.text) }
    let left = impossible > 0 ? ", \(impossible) more contradict themselves" : ""
    parts.append(
      "\(trials.count) of \(configurations) configurations measured\(left); the best is trial "
        + "\(best.number)"
        + (floatScore.map { "\nfloat: \($0.name) \(formatted($0.value, digits: 2)) \($0.unit)" }
          ?? ""))
    parts.append((output.map { "written: \($0), as by\n" } ?? "") + command)
    return parts.joined(separator: "\n\n")
  }

  /// The best of what was measured, best first.
  private var trialTable: String {
    let score = trials.compactMap(\.score).first
    let hasDivergence = best.divergence != nil
    var table = TextTable(
      ["trial"] + (score.map { [$0.name] } ?? []) + [
        hasDivergence ? "divergence" : "SQNR", "bytes",
      ]
        + axes.map(\.name), rightAligned: Set(0...(score == nil ? 2 : 3)))
    for trial in ranking.prefix(Self.mostRows) {
      table.add(
        ["\(trial.number)"]
          + (trial.score.map { ["\(formatted($0.value, digits: 2)) \($0.unit)"] } ?? [])
          + [
            trial.divergence.divergence.map { formatted($0, significant: 3) }
              ?? "\(formatted(trial.divergence.sqnr, digits: 1)) dB", "\(trial.bytes)",
          ] + trial.values)
    }
    let rest = ranking.count - Self.mostRows
    return table.text + (rest > 0 ? "\n(\(rest) more that are not as good)" : "")
  }

  private static let mostRows = 20
}

extension TunerComparison {
  var text: String {
    var table = TextTable(
      ["trials to", "mean", "least", "most"], rightAligned: [1, 2, 3])
    for (target, rows) in [("the best", toBest), ("the best hundredth", toNearlyBest)] {
      for row in rows {
        table.add([
          "\(target), \(row.method)", formatted(row.mean, digits: 1), "\(row.least)",
          "\(row.most)",
        ])
      }
    }
    return table.text + "\n(on these measurements again, \(seeds) seeds)"
  }
}

extension String {
  /// The text as one word of a POSIX shell.
  var quotedForShell: String {
    let plain = unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
          || "-_./=:,%+@".unicodeScalars.contains(scalar))
    }
    if plain, !isEmpty { return self }
    return "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }
}

/// What `--dry-run` prints.
struct TunerOutline: Encodable {
  var axes: [TunerResult.Axis]
  var configurations: Int
  var impossible: Int

  init(_ space: TunerSpace) {
    axes = space.space.axes.map { .init(name: $0.name, values: $0.values) }
    configurations = space.candidates.count
    impossible = space.impossible
  }

  var text: String {
    let lines = axes.map { "\($0.name): \($0.values.joined(separator: " | "))" }
    let left = impossible > 0 ? ", and \(impossible) that contradict themselves" : ""
    return (lines + ["", "\(configurations) configurations\(left)"]).joined(separator: "\n")
  }
}
