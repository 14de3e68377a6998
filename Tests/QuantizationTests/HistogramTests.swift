import Quantization
import Testing

/// A small generator, so that the values are the same everywhere.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct HistogramTests {
  /// Floats of all magnitudes, with some special values among them.
  static func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SplitMix(state: seed)
    let special: [Float] = [0, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, 1, -1]
    return (0..<count).map { index in
      index % 11 == 0
        ? special[Int.random(in: 0..<special.count, using: &generator)]
        : Float.random(in: -8...8, using: &generator)
          * Float(sign: .plus, exponent: Int.random(in: -20...1, using: &generator), significand: 1)
    }
  }

  @Test func binsAreAlignedAtZeroAndMirrored() throws {
    let histogram = Histogram([3, -3, 0.25, -0.25, 0, -0.0], layout: .growing(binsPerSide: 16))
    #expect(histogram.exponent == -2)  // 16 bins of 1/4 hold magnitudes below 4
    #expect(histogram.zeros == 2)
    var expected = [UInt64](repeating: 0, count: 32)
    for position in [16 + 12, 15 - 12, 16 + 1, 15 - 1] { expected[position] = 1 }
    #expect(histogram.counts == expected)
    #expect(histogram.bounds(ofBin: 28) == (3, 3.25))
    #expect(histogram.bounds(ofBin: 3) == (-3.25, -3))
  }

  @Test(arguments: [16, 256, 4096])
  func everyValueIsWithinItsBin(binsPerSide: Int) {
    for value in Self.values(2000, seed: 1) where value.isFinite && value != 0 {
      let histogram = Histogram([value], layout: .growing(binsPerSide: binsPerSide))
      let bounds = histogram.bounds(ofBin: histogram.counts.firstIndex(of: 1)!)
      let x = Double(value)
      #expect(value > 0 ? bounds.0 <= x && x < bounds.1 : bounds.0 < x && x <= bounds.1)
      let isNarrowest = histogram.exponent == Histogram.exponentRange.lowerBound
      #expect(isNarrowest || abs(x) >= histogram.binWidth * Double(binsPerSide) / 2)
    }
  }

  @Test func batchesAndOrderDoNotMatter() {
    let values = Self.values(5000, seed: 2)
    let whole = Histogram(values)
    #expect(Histogram(values.reversed()) == whole)
    #expect(Histogram(values.sorted { $0.bitPattern < $1.bitPattern }) == whole)
    for parts in [2, 7, 100] {
      let histograms = (0..<parts).map { part in
        Histogram(values.indices.filter { $0 % parts == part }.map { values[$0] })
      }
      for order in [histograms, histograms.reversed()] {
        var merged = Histogram()
        for histogram in order { merged.merge(histogram) }
        #expect(merged == whole)
      }
    }
    #expect(whole.count == 5000)
  }

  @Test func specialValuesAreCountedApart() {
    let histogram = Histogram([.nan, .infinity, .infinity, -.infinity, -0.0, 5])
    #expect(histogram.nans == 1)
    #expect(histogram.positiveInfinities == 2)
    #expect(histogram.negativeInfinities == 1)
    #expect(histogram.infinities == 3)
    #expect(histogram.zeros == 1)
    #expect(histogram.finiteCount == 2)
    #expect(histogram.minimum?.bitPattern == 0)
    #expect(histogram.maximum == 5)
  }

  @Test func extremeMagnitudesFit() {
    let tiny = Float.leastNonzeroMagnitude
    for value in [tiny, -tiny, .leastNormalMagnitude, .greatestFiniteMagnitude, -3e38] {
      for binsPerSide in [16, 4096, 65536] {
        let histogram = Histogram([value, 1e-30], layout: .growing(binsPerSide: binsPerSide))
        #expect(histogram.finiteCount == 2)
        #expect(histogram.clippedBelow + histogram.clippedAbove == 0)
        #expect(Histogram.exponentRange.contains(histogram.exponent))
      }
    }
    let empty = Histogram()
    #expect(empty.count == 0 && empty.minimum == nil && empty.maximum == nil)
    var merged = Histogram([1, 2, 3])
    merged.merge(empty)
    #expect(merged == Histogram([1, 2, 3]))
  }

  @Test func aFixedLayoutReportsWhatItClips() {
    let layout = Histogram.Layout.fixed(exponent: 0, binsPerSide: 16)
    let histogram = Histogram([15.9, 16, 100, -15.9, -16, 3e38, .infinity], layout: layout)
    #expect(histogram.exponent == 0)
    #expect(histogram.clippedAbove == 3)
    #expect(histogram.clippedBelow == 1)
    #expect(histogram.counts[31] == 4)
    #expect(histogram.counts[0] == 2)
    #expect(histogram.maximum == 3e38)
    #expect(
      Histogram.Layout.fixed(reaching: 3, binsPerSide: 16) == .fixed(exponent: -2, binsPerSide: 16))
  }

  @Test func partsThatDoNotFitAreRefused() {
    let good = Histogram(Self.values(100, seed: 3) + [0])
    func rebuilt(
      exponent: Int? = nil, counts: [UInt64]? = nil, minimum: Float?, maximum: Float?
    ) -> Histogram? {
      Histogram(
        layout: good.layout, exponent: exponent ?? good.exponent, counts: counts ?? good.counts,
        zeros: good.zeros, nans: good.nans, positiveInfinities: good.positiveInfinities,
        negativeInfinities: good.negativeInfinities, minimum: minimum, maximum: maximum)
    }
    let (minimum, maximum) = (good.minimum, good.maximum)
    #expect(rebuilt(minimum: minimum, maximum: maximum) == good)
    #expect(rebuilt(minimum: nil, maximum: maximum) == nil)
    #expect(rebuilt(minimum: maximum, maximum: minimum) == nil)
    #expect(rebuilt(minimum: .nan, maximum: maximum) == nil)
    #expect(rebuilt(exponent: good.exponent + 1, minimum: minimum, maximum: maximum) == nil)
    #expect(rebuilt(counts: [1, 2], minimum: minimum, maximum: maximum) == nil)
    #expect(
      rebuilt(counts: good.counts.map { _ in .max }, minimum: minimum, maximum: maximum) == nil)
    var moved = good.counts
    moved[0] += 1
    #expect(rebuilt(counts: moved, minimum: -0.001, maximum: maximum) == nil)
  }
}
