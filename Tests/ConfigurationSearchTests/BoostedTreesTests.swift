import ConfigurationSearch
import Testing

@Suite struct BoostedTreesTests {
  /// The split is the one of least squares over all thresholds of all features, found here by trying them.
  @Test func aSplitIsTheBestOfAll() {
    var generator = Numbers(state: 5)
    for _ in 0..<50 {
      let rows = (0..<12).map { _ in (0..<3).map { _ in Double(generator.next() % 5) } }
      let targets = rows.map { _ in Double(generator.next() % 100) }
      let tree = RegressionTree(rows, targets, depth: 1)
      let error = zip(rows, targets).reduce(0.0) { sum, example in
        sum + (tree.value(of: example.0) - example.1) * (tree.value(of: example.0) - example.1)
      }
      #expect(abs(error - leastError(rows, targets)) < 1e-9 * max(1, error))
    }
  }

  private func leastError(_ rows: [[Double]], _ targets: [Double]) -> Double {
    func error(_ some: [Double]) -> Double {
      let mean = some.reduce(0, +) / Double(max(some.count, 1))
      return some.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    var least = error(targets)
    for feature in 0..<3 {
      for threshold in 0..<5 {
        let below = zip(rows, targets).filter { $0.0[feature] < Double(threshold) }.map(\.1)
        let above = zip(rows, targets).filter { $0.0[feature] >= Double(threshold) }.map(\.1)
        least = min(least, error(below) + error(above))
      }
    }
    return least
  }

  /// Depth 2 holds what one question cannot tell: either of two, not both.
  @Test func depthTellsWhatTwoFeaturesDoTogether() {
    let rows = [[0.0, 0], [0, 1], [1, 0], [1, 1], [1, 1]]
    let tree = RegressionTree(rows, [0, 1, 1, 0, 0], depth: 2)
    #expect(rows.map(tree.value(of:)) == [0, 1, 1, 0, 0])
  }

  @Test func equalTargetsNeedNoTree() {
    let trees = BoostedTrees([[0], [1], [2]], [3, 3, 3])
    #expect(trees.value(of: [7]) == 3)
  }

  /// Boosting approaches a sum of effects, also where it was not measured.
  @Test func predictsCombinationsThatWereNotMeasured() {
    let space = ConfigurationSpace([
      .init("a", ["p", "q", "r"]), .init("b", ["1", "2", "4", "8"]),
      .init("c", ["none", "x,y", "x"]),
    ])
    let worth = space.configurations.map { Double($0[0] * 10) + Double($0[1]) + Double($0[2] * 3) }
    let known = worth.indices.filter { $0 % 5 != 1 }
    let trees = BoostedTrees(known.map { space.features[$0] }, known.map { worth[$0] })
    var (error, spread) = (0.0, 0.0)
    let mean = worth.reduce(0, +) / Double(worth.count)
    for place in worth.indices where place % 5 == 1 {
      let miss = trees.value(of: space.features[place]) - worth[place]
      error += miss * miss
      spread += (worth[place] - mean) * (worth[place] - mean)
    }
    // Less than a tenth of the variance is left: the mean alone leaves all of it.
    #expect(error < 0.1 * spread)
  }
}

/// Numbers that are the same in every run.
struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ state >> 29) &* 0x9e37_79b9_7f4a_7c15 >> 7
  }
}
