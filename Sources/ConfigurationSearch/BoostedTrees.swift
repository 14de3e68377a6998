/// A sum of small regression trees, each fitted to what those before it leave (gradient boosting with
/// squared loss and shrinkage: Friedman, "Greedy function approximation: a gradient boosting machine",
/// 2001).
public struct BoostedTrees: Sendable {
  /// How it is grown.
  public struct Settings: Sendable, Hashable {
    /// Trees at most.
    public var trees = 80
    /// Questions in each.
    public var depth = 3
    /// The share of a tree's answer that is added.
    public var shrinkage = 0.2

    /// Makes settings.
    public init() {}
  }

  private let mean: Double
  private let shrinkage: Double
  private let trees: [RegressionTree]

  /// Fits to examples.
  ///
  /// - Parameters:
  ///   - rows: The features of each example; all rows have as many.
  ///   - targets: What each example is to give; finite.
  ///   - settings: How it is grown.
  public init(_ rows: [[Double]], _ targets: [Double], settings: Settings = Settings()) {
    precondition(targets.allSatisfy(\.isFinite), "a target is no number")
    let mean = targets.reduce(0, +) / Double(max(targets.count, 1))
    let spread = targets.map { abs($0 - mean) }.max() ?? 0
    var left = targets.map { $0 - mean }
    let examples = RegressionTree.Examples(rows)
    var trees: [RegressionTree] = []
    // What is left of the spread in the end is rounding: more trees would fit noise of sums.
    while trees.count < settings.trees, left.contains(where: { abs($0) > 1e-9 * spread }) {
      let tree = RegressionTree(examples, left, depth: settings.depth)
      for (number, row) in rows.enumerated() {
        left[number] -= settings.shrinkage * tree.value(of: row)
      }
      trees.append(tree)
    }
    self.mean = mean
    self.trees = trees
    shrinkage = settings.shrinkage
  }

  /// What is predicted for these features.
  public func value(of row: [Double]) -> Double {
    trees.reduce(mean) { $0 + shrinkage * $1.value(of: row) }
  }
}
