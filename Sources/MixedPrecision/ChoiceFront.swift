/// Every best choice of one option for each of several items: the multiple-choice knapsack problem for
/// all budgets at once.
///
/// Costs and losses of items add up. A choice is on the front when none that costs as little loses
/// less. The front of the first items is extended by one item after the other, which is exact (Pisinger,
/// "A minimal algorithm for the multiple-choice knapsack problem", 1995, on dynamic programming by dominance); only a
/// front of more than ``stateLimit`` points is thinned, and ``isExact`` says so then.
public struct ChoiceFront: Sendable {
  /// What one option of an item costs and loses.
  public struct Option: Sendable, Hashable {
    /// In the unit of the budget; not negative.
    public var cost: Int
    /// In any unit; finite.
    public var loss: Double

    /// Makes an option.
    public init(cost: Int, loss: Double) {
      self.cost = cost
      self.loss = loss
    }
  }

  /// The points, by rising cost and falling loss.
  public let points: [Option]
  /// Whether no point was left out.
  public let isExact: Bool

  /// More points than this are thinned.
  public static let stateLimit = 1 << 16

  private let items: [[Option]]
  /// By item, for every point of the front up to it: the point before and the option taken.
  private let steps: [[Step]]

  private struct Step: Sendable {
    var before: Int32
    var option: Int32
  }

  private struct Candidate {
    var total: Option
    var step: Step
  }

  /// Finds the front.
  ///
  /// - Parameters:
  ///   - items: The options of each item, at least one.
  ///   - stateLimit: How many points are kept.
  public init(_ items: [[Option]], stateLimit: Int = ChoiceFront.stateLimit) {
    precondition(
      items.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.cost >= 0 && $0.loss.isFinite } },
      "an item without options, or an option without a finite loss")
    precondition(stateLimit > 1)
    var front = [Option(cost: 0, loss: 0)]
    var steps: [[Step]] = []
    var isExact = true
    for options in items {
      var candidates: [Candidate] = []
      candidates.reserveCapacity(front.count * options.count)
      for (before, point) in front.enumerated() {
        for (number, option) in options.enumerated() {
          candidates.append(
            Candidate(
              total: Option(cost: point.cost + option.cost, loss: point.loss + option.loss),
              step: Step(before: Int32(before), option: Int32(number))))
        }
      }
      var kept = Self.undominated(candidates)
      if kept.count > stateLimit {
        isExact = false
        kept = Self.thinned(kept, to: stateLimit)
      }
      front = kept.map(\.total)
      steps.append(kept.map(\.step))
    }
    points = front
    self.isExact = isExact
    self.items = items
    self.steps = steps
  }

  private static func undominated(_ candidates: [Candidate]) -> [Candidate] {
    var least = Double.infinity
    let sorted = candidates.sorted { first, second in
      (first.total.cost, first.total.loss, first.step.before, first.step.option)
        < (second.total.cost, second.total.loss, second.step.before, second.step.option)
    }
    return sorted.filter { candidate in
      guard candidate.total.loss < least else { return false }
      least = candidate.total.loss
      return true
    }
  }

  /// The point of least loss in each of `count` equal parts of the costs, and the cheapest point.
  private static func thinned(_ front: [Candidate], to count: Int) -> [Candidate] {
    let first = front[0].total.cost
    let width = Double(front[front.count - 1].total.cost - first + 1) / Double(count - 1)
    var kept = [front[0]]
    for (place, candidate) in front.enumerated().dropFirst() {
      func part(_ cost: Int) -> Int { Int(Double(cost - first) / width) }
      let next = place + 1 < front.count ? part(front[place + 1].total.cost) : -1
      if next != part(candidate.total.cost) { kept.append(candidate) }
    }
    return kept
  }

  /// The place of the point of least loss whose cost is within `budget`; `nil` when all cost more.
  public func best(within budget: Int) -> Int? { points.lastIndex { $0.cost <= budget } }

  /// The option of every item at a point.
  public func options(at point: Int) -> [Int] {
    var options = [Int](repeating: 0, count: items.count)
    var place = point
    for item in items.indices.reversed() {
      let step = steps[item][place]
      options[item] = Int(step.option)
      place = Int(step.before)
    }
    return options
  }

  /// A loss that no choice within `budget` can be below: that of the problem in which parts of options can
  /// be taken (Sinha and Zoltners, "The multiple-choice knapsack problem", 1979). `nil` when all cost more.
  public func leastLoss(within budget: Int) -> Double? {
    var cost = 0
    var loss = 0.0
    var gains: [(cost: Int, loss: Double)] = []
    for options in items {
      let hull = Self.lowerHull(options)
      cost += hull[0].cost
      loss += hull[0].loss
      for (first, second) in zip(hull, hull.dropFirst()) {
        gains.append((second.cost - first.cost, first.loss - second.loss))
      }
    }
    guard cost <= budget else { return nil }
    var left = budget - cost
    for gain in gains.sorted(by: { $0.loss / Double($0.cost) > $1.loss / Double($1.cost) }) {
      guard left > 0 else { break }
      let share = min(1, Double(left) / Double(gain.cost))
      loss -= share * gain.loss
      left -= min(left, gain.cost)
    }
    return loss
  }

  /// The corners of the convex hull of options, by rising cost and falling loss.
  private static func lowerHull(_ options: [Option]) -> [Option] {
    let sorted = options.sorted { ($0.cost, $0.loss) < ($1.cost, $1.loss) }
    var hull: [Option] = []
    for option in sorted {
      if let last = hull.last, option.loss >= last.loss { continue }
      while hull.count > 1 {
        let (first, second) = (hull[hull.count - 2], hull[hull.count - 1])
        let before = (first.loss - second.loss) * Double(option.cost - second.cost)
        let after = (second.loss - option.loss) * Double(second.cost - first.cost)
        guard before <= after else { break }
        hull.removeLast()
      }
      hull.append(option)
    }
    return hull
  }
}
