import MixedPrecision
import Testing

@Suite struct ChoiceFrontTests {
  /// Items with options whose costs and losses are scattered; some options are worse in both.
  private static func items(_ count: Int, options: Int, seed: UInt32) -> [[ChoiceFront.Option]] {
    var state = seed
    func next(_ limit: UInt32) -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int((state >> 8) % limit)
    }
    return (0..<count).map { _ in
      (0..<options).map { _ in ChoiceFront.Option(cost: next(40), loss: Double(next(1000)) / 16) }
    }
  }

  /// The least loss within every budget, by trying everything.
  private static func leastLosses(_ items: [[ChoiceFront.Option]], upTo most: Int) -> [Double] {
    var totals = [ChoiceFront.Option(cost: 0, loss: 0)]
    for options in items {
      totals = totals.flatMap { total in
        options.map { ChoiceFront.Option(cost: total.cost + $0.cost, loss: total.loss + $0.loss) }
      }
    }
    return (0...most).map { budget in
      totals.filter { $0.cost <= budget }.map(\.loss).min() ?? .infinity
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6])
  func isExactForEveryBudget(_ seed: UInt32) {
    let items = Self.items(6, options: 4, seed: seed)
    let front = ChoiceFront(items)
    #expect(front.isExact)
    for (budget, least) in Self.leastLosses(items, upTo: 260).enumerated() {
      guard let point = front.best(within: budget) else {
        #expect(least == .infinity)
        #expect(front.leastLoss(within: budget) == nil)
        continue
      }
      #expect(front.points[point].loss == least)
      let options = front.options(at: point)
      #expect(zip(items, options).reduce(0) { $0 + $1.0[$1.1].cost } == front.points[point].cost)
      #expect(zip(items, options).reduce(0) { $0 + $1.0[$1.1].loss } == least)
      // Parts of options can only be better.
      #expect((front.leastLoss(within: budget) ?? .infinity) <= least + 1e-9)
    }
  }

  @Test func pointsFallInLossAsTheyRiseInCost() {
    let points = ChoiceFront(Self.items(8, options: 5, seed: 9)).points
    #expect(points.count > 8)
    for (first, second) in zip(points, points.dropFirst()) {
      #expect(first.cost < second.cost && first.loss > second.loss)
    }
  }

  @Test func aThinnedFrontIsFeasibleAndItsBoundHolds() {
    let items = Self.items(7, options: 4, seed: 4)
    let thinned = ChoiceFront(items, stateLimit: 12)
    #expect(!thinned.isExact)
    #expect(thinned.points.count <= 12)
    let least = Self.leastLosses(items, upTo: 280)
    for (place, point) in thinned.points.enumerated() {
      let options = thinned.options(at: place)
      #expect(zip(items, options).reduce(0) { $0 + $1.0[$1.1].cost } == point.cost)
      #expect(point.loss >= least[point.cost])
      #expect((thinned.leastLoss(within: point.cost) ?? .infinity) <= least[point.cost] + 1e-9)
    }
    // The cheapest and the best are there.
    #expect(thinned.points.first?.cost == items.reduce(0) { $0 + $1.map(\.cost).min()! })
    #expect(thinned.points.last?.loss == least.last)
  }

  @Test func aCornerOfTheHullIsItsOwnBound() {
    // Two items whose options lie on straight lines: parts of options gain nothing at the corners.
    let items = [
      [0, 10].map { ChoiceFront.Option(cost: $0, loss: 10 - Double($0)) },
      [0, 10].map { ChoiceFront.Option(cost: $0, loss: 5 - Double($0) / 2) },
    ]
    let front = ChoiceFront(items)
    #expect(front.leastLoss(within: 10) == 5)
    #expect(front.leastLoss(within: 5) == 10)
    #expect(front.points.map(\.loss) == [15, 5, 0])
  }
}
