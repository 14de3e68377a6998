extension Graph {
  /// The key of a model's metadata under which the level counts of its layers stand.
  package static let levelsKey = "qtool.levels"

  /// How many levels weights and data of layers have, by the layers' labels, as a model written by `qtool`
  /// says: lines of `LABEL=WEIGHTSxDATA`.
  package var statedLevels: [String: (weights: Int, data: Int)] {
    var levels: [String: (weights: Int, data: Int)] = [:]
    for line in (metadata[Self.levelsKey] ?? "").split(separator: "\n") {
      guard let sign = line.lastIndex(of: "=") else { continue }
      let numbers = line[line.index(after: sign)...].split(separator: "x").compactMap { Int($0) }
      if numbers.count == 2 { levels[String(line[..<sign])] = (numbers[0], numbers[1]) }
    }
    return levels
  }
}
