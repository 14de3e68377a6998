/// A value of two models, and how far one is from the other.
public struct ComparedPair: Sendable {
  /// The value's name in the first model.
  public var name: String
  /// Elements compared.
  public var count: Int
  /// Mean squared value over mean squared difference, in decibels; `nil` for integers.
  public var sqnr: Double?
  /// The largest difference of integers; `nil` for floats.
  public var maximumDifference: Int?

  /// Makes a pair.
  public init(name: String, count: Int, sqnr: Double?, maximumDifference: Int?) {
    self.name = name
    self.count = count
    self.sqnr = sqnr
    self.maximumDifference = maximumDifference
  }
}

extension ReportPage {
  /// The values of two models on the same data.
  ///
  /// - Parameters:
  ///   - values: The values, worst first; they are drawn again in the order of `order`.
  ///   - order: Names in the order of execution.
  ///   - first: What the page calls the reference.
  ///   - second: What it calls the other model.
  ///   - samples: Samples compared.
  ///   - writtenBy: The program and its version.
  public init(
    comparing values: [ComparedPair], order: [String], first: String, second: String, samples: Int,
    writtenBy: String
  ) {
    let worst = values.first { $0.sqnr != nil }
    let differing = values.compactMap(\.maximumDifference).max()
    var facts: [(title: String, value: String, remark: String)] = [
      ("Values compared", formatted(count: values.count), "on \(formatted(count: samples)) samples")
    ]
    if let worst, let ratio = worst.sqnr {
      facts.append(("Worst", formatted(decibels: ratio), worst.name))
    }
    if let differing {
      facts.append(("Largest difference of codes", "\(differing)", "of integer values"))
    }
    let equal = values.count { $0.sqnr == .infinity || $0.maximumDifference == 0 }
    facts.append(("Equal in every bit", "\(equal)", "of \(values.count)"))
    var summary: [Markup] = [.facts(facts)]
    if let chart = Self.course(of: values, order) { summary.append(chart) }
    self.init(
      kind: "Comparison", title: "\(second) beside \(first)",
      lead:
        "How far the values inside the second model are from those of the first, on the same data.",
      sections: [
        Section("Summary", anchor: "summary", summary),
        Section("Values, worst first", anchor: "values", [Self.table(values)]),
      ], footer: writtenBy)
  }

  /// The ratios from the first value computed to the last: where the error comes in.
  private static func course(of values: [ComparedPair], _ order: [String]) -> Markup? {
    let places = Dictionary(order.enumerated().map { ($1, $0) }) { first, _ in first }
    let ordered = values.filter { $0.sqnr?.isFinite == true && places[$0.name] != nil }.sorted {
      (places[$0.name] ?? 0, $0.name) < (places[$1.name] ?? 0, $1.name)
    }
    guard ordered.count > 1 else { return nil }
    let points = ordered.enumerated().map { (x: Double($0 + 1), y: $1.sqnr ?? 0) }
    return LineChart(
      title: "Signal to noise from the first value to the last",
      xTitle: "value in order of execution",
      yTitle: "SQNR in dB", series: [.init(name: "SQNR", points: points)], yNumbers: 0...0,
      size: (520, 230)
    ).drawing.map {
      .gallery(
        [
          .figure(
            $0, [.paragraph("Signal to noise, value by value in the order of execution.")])
        ], isWide: true)
    }
  }

  private static func table(_ values: [ComparedPair]) -> Markup {
    let longest = values.compactMap(\.sqnr).filter(\.isFinite).max()
    let largest = values.compactMap(\.maximumDifference).max() ?? 0
    var table = Table(
      "Signal to noise: mean squared value over mean squared difference.",
      columns: ["value", "signal to noise", "largest difference of codes", "elements"])
    for value in values {
      table.add([
        .markup([.name(value.name)]),
        value.sqnr.map { cell(decibels: $0, longest: longest, digits: 2, perfect: "equal") }
          ?? .none,
        value.maximumDifference.map {
          .bar("\($0)", share: Double($0) / Double(max(largest, 1)))
        } ?? .none,
        .number(formatted(count: value.count)),
      ])
    }
    return table.markup
  }
}
