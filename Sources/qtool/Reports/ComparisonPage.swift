extension HTMLPage {
  /// What `qtool compare` found.
  init(_ result: Compare.Result, first: String, second: String) {
    self.init(title: "\(second) compared with \(first)")
    paragraph("\(result.samples) samples, \(result.values.count) values, worst first")
    let longest = result.values.compactMap(\.sqnr).filter(\.isFinite).max()
    let largest = result.values.compactMap(\.maximumDifference).max() ?? 0
    table(
      ["value", "signal to noise", "largest difference of codes", "elements"],
      result.values.map { value in
        let difference = value.maximumDifference.map { difference in
          Cell.bar("\(difference)", share: Double(difference) / Double(max(largest, 1)))
        }
        return [
          .text(value.name), .decibels(value.sqnr, longest: longest), difference ?? .text(""),
          .number("\(value.count)"),
        ]
      })
  }
}
