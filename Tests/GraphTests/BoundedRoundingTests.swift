import Graph
import Testing

/// Bounded codes against every other choice of codes, and bounds against intervals.
@Suite struct BoundedRoundingTests {
  /// Weights that look random, in steps of no power of two.
  private func weights(_ count: Int, seed: Int) -> [Float] {
    var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 99)
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return (Float(state >> 8) / Float(1 << 24) - 0.5) * 7.3
    }
  }

  /// All codes of `count` weights within `limits`.
  private func choices(_ count: Int, _ limits: ClosedRange<Int>) -> [[Int]] {
    (0..<count).reduce([[]]) { all, _ in all.flatMap { some in limits.map { some + [$0] } } }
  }

  private func keeps(_ codes: [Int], _ budget: CodeBudget) -> Bool {
    let positive = codes.filter { $0 > 0 }.reduce(0, +)
    let negative = -codes.filter { $0 < 0 }.reduce(0, +)
    switch budget {
    case .total(let total): return positive + negative <= total
    case .signs(let most, let least): return positive <= most && negative <= least
    }
  }

  @Test(arguments: [
    CodeBudget.total(0), .total(1), .total(4), .total(7), .total(1000),
    .signs(positive: 0, negative: 3), .signs(positive: 2, negative: 5),
    .signs(positive: 900, negative: 1),
  ])
  func codesAreTheNearestThatKeepTheBudget(_ budget: CodeBudget) throws {
    let limits = -3...2
    let all = choices(5, limits).filter { keeps($0, budget) }
    for seed in 0..<20 {
      let weights = weights(5, seed: seed)
      func error(_ codes: [Int]) -> Double {
        zip(weights, codes).reduce(0) {
          $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
        }
      }
      let codes = BoundedRounding(weights, limits: limits, budget: budget).codes
      #expect(codes.allSatisfy(limits.contains) && keeps(codes, budget))
      let least = try #require(all.map(error).min())
      // Sums of five squares below 20, in another order.
      #expect(abs(error(codes) - least) < 1e-12, "seed \(seed): \(codes)")
    }
  }

  @Test func withinTheBudgetCodesAreTheNearest() {
    let found = BoundedRounding(
      [0.5, -1.5, 2.4, -9, .infinity, .nan], limits: -8...7, budget: .total(21))
    #expect(found.codes == [0, -2, 2, -8, 7, 0])
    #expect(!found.isBound.contains(true))
    let less = BoundedRounding(
      [0.5, -1.5, 2.4, -9, .infinity, .nan], limits: -8...7, budget: .total(18))
    // What rounding has taken farthest from 0 goes back first.
    #expect(less.codes == [0, -1, 2, -8, 7, 0])
    #expect(less.isBound == [true, true, true, true, true, true])
  }

  /// The interval of every filter that keeps a bound fits the width, and of those that keep the budget
  /// of one more, one does not.
  @Test(arguments: [0...15, -8...7, -3...12, 0...1, -4...0], AccumulatorConstraint.allCases)
  func boundsAreThoseOfIntervals(
    _ inputs: ClosedRange<Int>, _ constraint: AccumulatorConstraint
  ) throws {
    let bits = 8
    let bound = AccumulatorBound(bits: bits, inputs: inputs, constraint: constraint)
    for bias in [0, 5, -40, 64, 120, -128, 5000] {
      let budget = bound.budget(bias: bias)
      for (positive, negative) in corners(budget) {
        let biases = bound.biases(positive: positive, negative: negative)
        // What is the bias's half at least is left to it.
        let half = min(max(bias, -64), 64)
        #expect(biases.contains(half), "\(inputs), bias \(bias)")
        for end in [biases.lowerBound, biases.upperBound, half] {
          let interval = AccumulatorInterval(
            weights: [positive, -negative], inputs: bound.inputs, bias: end)
          #expect(interval.bits <= bits)
        }
        for beyond in [biases.lowerBound - 1, biases.upperBound + 1] {
          let interval = AccumulatorInterval(
            weights: [positive, -negative], inputs: bound.inputs, bias: beyond)
          #expect(interval.bits > bits)
        }
      }
      let isExceeded = corners(budget).contains { positive, negative in
        // Where inputs have both signs, the sums of both are one bound apart.
        AccumulatorInterval(
          weights: [positive + 1, -negative - 1], inputs: bound.inputs,
          bias: min(max(bias, -64), 64)
        ).bits > bits
      }
      #expect(isExceeded, "\(inputs), bias \(bias): the budget is smaller than it must be")
    }
  }

  /// The codes at the ends of a budget, as sums of positive and negative ones.
  private func corners(_ budget: CodeBudget) -> [(Int, Int)] {
    switch budget {
    case .total(let total): [(total, 0), (0, total), (total / 2, total - total / 2)]
    case .signs(let positive, let negative): [(positive, negative), (positive, 0), (0, negative)]
    }
  }

  /// A bias that is cut gets the last number whose code fits, also where floats are several codes apart, and
  /// none that int32 biases may not have.
  @Test(arguments: 26...32) func cutBiasesFit(_ bits: Int) {
    let bound = AccumulatorBound(bits: bits, inputs: 0...15, constraint: .a2q)
    let scales = weights(60, seed: bits).map { $0.magnitude + 0.01 }
    var beyond = 0
    for (place, weightScale) in scales.enumerated() {
      let dataScale = scales[(place * 7 + 3) % scales.count] * 0.01
      let codes = bound.biases(positive: place * 1013, negative: place * 577)
      #expect(codes.contains(0) && max(codes.upperBound, -codes.lowerBound) <= 1 << 30)
      for sign in [Float(1), -1] {
        let bias = sign * 0x1p34 * dataScale * weightScale
        let cut = AccumulatorBound.bounded(
          bias, to: codes, dataScale: dataScale, weightScale: weightScale)
        func fits(_ value: Float) -> Bool {
          let largest = Double(dataScale) * Double(weightScale) * 0x1p30
          return Double(value.magnitude) <= largest
            && codes.contains(
              AccumulatorBound.biasCode(value, dataScale: dataScale, weightScale: weightScale))
        }
        #expect(fits(cut) && cut.sign == bias.sign, "\(cut), \(codes)")
        let end = Double(sign < 0 ? codes.lowerBound : codes.upperBound)
        let product = Double(dataScale * weightScale)
        let next = sign > 0 ? cut.nextUp : cut.nextDown
        // No number between it and the end fits as well.
        #expect(!fits(next) || abs(Double(next)) >= abs(end * product))
        if !fits(Float(end * product)) { beyond += 1 }
        #expect(
          AccumulatorBound.bounded(cut, to: codes, dataScale: dataScale, weightScale: weightScale)
            == cut)
      }
    }
    #expect(beyond > 0, "no end is a code that floats lie beyond")
  }

  /// A2Q's bound by widths: `(2^(P - 1) - 1) 2^(signed - N)` is that of the largest code rounded up to a
  /// power of two; A2Q+'s is `(2^P - 2) / (2^N - 1)`.
  @Test func budgetsAreThoseOfThePapers() {
    for bits in [12, 14, 16] {
      let a2q = AccumulatorBound(bits: bits, inputs: 0...15, constraint: .a2q).budget(bias: 0)
      let limit = (1 << (bits - 1)) - 1
      #expect(a2q == .total(limit / 15) && a2q.magnitudes >= limit / 16)
      let plus = AccumulatorBound(bits: bits, inputs: 0...15, constraint: .a2qPlus)
      #expect(plus.budget(bias: 0) == .signs(positive: limit / 15, negative: (limit + 1) / 15))
      let signed = AccumulatorBound(bits: bits, inputs: -8...7, constraint: .a2qPlus)
      #expect(signed.budget(bias: 0) == .signs(positive: limit / 15, negative: limit / 15))
    }
  }

  /// The derivative by the scale is that of the projection onto the l1-ball of reals, found here by
  /// bisection, plus what rounding has added.
  @Test func slopesAreDerivativesOfTheProjection() throws {
    let total = 9
    func projected(_ weights: [Float], _ scale: Double) -> [Double] {
      var (low, high) = (0.0, 100.0)
      func value(_ weight: Float, _ threshold: Double) -> Double {
        max(Double(weight.magnitude) / scale - threshold, 0) * (weight < 0 ? -scale : scale)
      }
      for _ in 0..<200 {
        let middle = (low + high) / 2
        let sum = weights.reduce(0) { $0 + abs(value($1, middle)) } / scale
        if sum > Double(total) { low = middle } else { high = middle }
      }
      return weights.map { value($0, low) }
    }
    var compared = 0
    for seed in 0..<40 {
      let weights = weights(12, seed: seed)
      let quotients = weights.map { $0 / 0.5 }
      let found = BoundedRounding(quotients, limits: -128...127, budget: .total(total))
      let reals = projected(weights, 0.5)
      // Rounding may leave a weight at 0 that the projection does not.
      guard found.codes.map({ $0 != 0 }) == reals.map({ $0 != 0 }) else { continue }
      compared += 1
      let slopes = found.slopes(quotients)
      let (above, below) = (projected(weights, 0.5 + 1e-6), projected(weights, 0.5 - 1e-6))
      for place in weights.indices {
        let derivative = (above[place] - below[place]) / 2e-6
        let rounding = Double(found.codes[place]) - reals[place] / 0.5
        // Quotients are of 24 bits, and differences of the projection of 30 at least.
        #expect(abs(Double(slopes[place]) - derivative - rounding) < 1e-4)
      }
      #expect(slopes.contains { abs($0) > 0.1 })
    }
    #expect(compared >= 5)
  }
}
