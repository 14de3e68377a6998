import Graph
import Testing

/// Intervals of accumulators against every input and every order.
@Suite struct AccumulatorTests {
  /// All sums that a filter can have for inputs in `inputs`, tap by tap.
  private func sums(_ weights: [Int], _ inputs: ClosedRange<Int>, _ bias: Int) -> Set<Int> {
    weights.reduce(into: [bias]) { sums, weight in
      sums = Set(sums.flatMap { sum in inputs.map { sum + weight * $0 } })
    }
  }

  /// The least and the largest of the sums of any subset of the terms, for any input.
  private func anyOrder(
    _ weights: [Int], _ inputs: ClosedRange<Int>, _ bias: Int
  ) -> ClosedRange<Int> {
    var reached: Set<Int> = [0]
    for (weight, codes) in [(bias, 1...1)] + weights.map({ ($0, inputs) }) {
      reached.formUnion(reached.flatMap { sum in codes.map { sum + weight * $0 } })
    }
    return (reached.min() ?? 0)...(reached.max() ?? 0)
  }

  @Test(arguments: [
    ([3, -2, 0, 5], -4...11, 7), ([-1, -1], 0...255, -3), ([2], -128...127, 0),
    ([1, -1, 1], 3...9, 100), ([-7, 4, 4, -1], -15...0, -20), ([], 0...3, 5),
  ])
  func intervalsAreWhatIsReached(
    weights: [Int], inputs: ClosedRange<Int>, bias: Int
  ) throws {
    let interval = AccumulatorInterval(weights: weights, inputs: inputs, bias: bias)
    let reached = sums(weights, inputs, bias)
    #expect(interval.sum == (try #require(reached.min()))...(try #require(reached.max())))
    #expect(interval.anyOrder == anyOrder(weights, inputs, bias))
    let limit = 1 << (interval.bits - 1)
    #expect(-limit <= interval.anyOrder.lowerBound && interval.anyOrder.upperBound < limit)
    let half = limit / 2
    #expect(
      interval.bits == 1 || interval.anyOrder.lowerBound < -half
        || interval.anyOrder.upperBound >= half)
  }

  @Test func aBorderCountsAsZero() {
    let inside = AccumulatorInterval(weights: [2, -3], inputs: 4...9)
    #expect(inside.sum == 2 * 4 - 3 * 9...2 * 9 - 3 * 4)
    let border = AccumulatorInterval(weights: [2, -3], inputs: 4...9, hasBorder: true)
    #expect(border.sum == -27...18)
  }

  @Test func widthsAreThoseOfTwosComplement() {
    for (weights, bits) in [([127], 16), ([-1, 0], 9), ([0], 1)] {
      #expect(AccumulatorInterval(weights: weights, inputs: 0...255).bits == bits)
    }
    // The last sum may fit where those before it do not.
    let many = Array(repeating: 127, count: 70_000) + Array(repeating: -127, count: 70_000)
    let one = AccumulatorInterval(weights: many, inputs: 255...255)
    #expect(one.bits == 33 && one.fits32Bits)
    #expect(!AccumulatorInterval(weights: many, inputs: 0...255).fits32Bits)
    #expect(AccumulatorInterval(count: 3, -2...5, -7...1).sum == -105...42)
  }

  /// Against every choice of as many products, and of one more.
  @Test(arguments: [
    ([3, -2, 0, 5, 1], -4...11, 7), ([-7, 4, 4, -1, 9], -15...0, 8), ([1, 1, 1, 1, 1], 0...15, 6),
    ([2, -9, 3, 3, -1], 0...3, 5), ([1, 1], -1...1, 8),
  ])
  func depthIsWhatAnyProductsNeed(weights: [Int], inputs: ClosedRange<Int>, bits: Int) {
    let depth = AccumulatorInterval.depth(weights: weights, inputs: inputs, bits: bits)
    func fits(_ count: Int) -> Bool {
      (0..<1 << weights.count).filter { $0.nonzeroBitCount == count }.allSatisfy { set in
        let chosen = weights.indices.filter { set >> $0 & 1 == 1 }.map { weights[$0] }
        return AccumulatorInterval(weights: chosen, inputs: inputs).bits <= bits
      }
    }
    #expect((0...depth).allSatisfy(fits))
    #expect(depth == weights.count || !fits(depth + 1))
  }
}
