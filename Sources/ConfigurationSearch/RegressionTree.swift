/// A regression tree of small depth, grown by exact splits: at every node all thresholds of all features
/// are tried, and the one that takes most off the sum of squared errors is kept.
///
/// Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984.
public struct RegressionTree: Sendable {
  private indirect enum Node: Sendable {
    case leaf(Double)
    case split(feature: Int, threshold: Double, below: Node, above: Node)
  }

  private struct Split {
    var feature: Int
    var threshold: Double
    var gain: Double
  }

  /// Examples that are to be told apart.
  struct Examples {
    /// The features of each example; all rows have as many, and none is NaN.
    let rows: [[Double]]
    /// For every feature the examples by rising value.
    let orders: [[Int]]

    init(_ rows: [[Double]]) {
      precondition(!rows.isEmpty, "a tree of no examples")
      self.rows = rows
      orders = rows[0].indices.map { feature in
        rows.indices.sorted { (rows[$0][feature], $0) < (rows[$1][feature], $1) }
      }
    }
  }

  private let root: Node

  /// Grows a tree.
  ///
  /// - Parameters:
  ///   - rows: The features of each example; all rows have as many, and none is NaN.
  ///   - targets: What each example is to give.
  ///   - depth: Questions from the root to a leaf at most.
  public init(_ rows: [[Double]], _ targets: [Double], depth: Int) {
    self.init(Examples(rows), targets, depth: depth)
  }

  init(_ examples: Examples, _ targets: [Double], depth: Int) {
    precondition(examples.rows.count == targets.count, "examples and targets in equal number")
    root = Self.grow(examples.rows, targets, examples.orders, depth)
  }

  /// What the tree gives for these features.
  public func value(of row: [Double]) -> Double {
    var node = root
    while case .split(let feature, let threshold, let below, let above) = node {
      node = row[feature] < threshold ? below : above
    }
    guard case .leaf(let value) = node else { preconditionFailure("a path that ends in no leaf") }
    return value
  }

  /// - Parameter orders: For every feature the examples of the node by rising value.
  private static func grow(
    _ rows: [[Double]], _ targets: [Double], _ orders: [[Int]], _ depth: Int
  ) -> Node {
    let examples = orders.first ?? Array(rows.indices)
    let total = examples.reduce(0) { $0 + targets[$1] }
    guard depth > 0, let split = bestSplit(rows, targets, orders, total: total) else {
      return .leaf(total / Double(examples.count))
    }
    func side(_ isWanted: (Double) -> Bool) -> [[Int]] {
      orders.map { order in order.filter { isWanted(rows[$0][split.feature]) } }
    }
    return .split(
      feature: split.feature, threshold: split.threshold,
      below: grow(rows, targets, side { $0 < split.threshold }, depth - 1),
      above: grow(rows, targets, side { $0 >= split.threshold }, depth - 1))
  }

  /// The split of largest gain; of equal ones that of the first feature and the lowest threshold. `nil`
  /// where none gains anything.
  private static func bestSplit(
    _ rows: [[Double]], _ targets: [Double], _ orders: [[Int]], total: Double
  ) -> Split? {
    var best: Split?
    for (feature, order) in orders.enumerated() {
      let count = Double(order.count)
      var sum = 0.0
      for (place, example) in order.dropLast().enumerated() {
        sum += targets[example]
        let (own, next) = (rows[example][feature], rows[order[place + 1]][feature])
        guard own < next else { continue }
        let below = Double(place + 1)
        let rest = total - sum
        // The sum of squared errors falls by what lies between the means of both sides.
        let gain = sum * sum / below + rest * rest / (count - below) - total * total / count
        // Sums in another order differ in their last bits: what is no more than that is no gain.
        if gain > (best?.gain ?? 0) + 1e-12 * (sum * sum + rest * rest) {
          best = Split(feature: feature, threshold: own + (next - own) / 2, gain: gain)
        }
      }
    }
    return best
  }
}
