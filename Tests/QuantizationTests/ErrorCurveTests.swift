import Quantization
import Testing

/// The curve that pictures of a search show.
@Suite struct ErrorCurveTests {
  @Test(arguments: [2, 4, 16, 23, 256])
  func isNeverBelowWhatTheSearchFinds(levels: Int) throws {
    let values = (0..<3000).map { index -> Float in
      let x = Float((index * 7919) % 3001) / 3001 - 0.3
      return x * x * x * 10
    }
    let histogram = Histogram(values)
    let curve = QuantizerSearch.errorCurve(of: histogram, levels: levels, scheme: .affine)
    let scales = curve.map(\.quantizer.scale)
    #expect(scales.count > 40 && scales == scales.sorted() && Set(scales).count == scales.count)
    #expect(scales[scales.count - 1] / scales[0] > 64)
    #expect(curve.allSatisfy { $0.error == histogram.meanSquaredError(of: $0.quantizer) })
    let found = QuantizerSearch.fit(histogram, levels: levels, scheme: .affine)
    let least = try #require(curve.map(\.error).min())
    // The search goes on from the same probes and compares them by its table. That knows where in a bin
    // a border lies to 2^-15 of its width, here at most 2^-11, which moves an error by less than
    // 2^-26 of the squared range of 4, and rounds sums up to ticks, which are finer.
    #expect(found.error <= least + 16 * 0x1p-26)
  }

  @Test func nothingToSearchHasNoCurve() {
    for values in [[], [Float(0), 0], [.nan]] {
      let curve = QuantizerSearch.errorCurve(of: Histogram(values), levels: 4, scheme: .affine)
      #expect(curve.isEmpty)
    }
  }

  @Test func countsBeyondARange() {
    let histogram = Histogram((0..<1000).map { Float($0) / 100 })
    #expect(histogram.count(beyond: -1...20) == 0)
    #expect(abs(histogram.count(beyond: 0...5) - 500) <= 2)
    #expect(abs(histogram.count(beyond: 2...5) - 700) <= 4)
    #expect(Histogram().count(beyond: 0...1) == 0)
    let square = values.reduce(0) { $0 + Double($1 * $1) } / 3
    #expect(abs(Histogram(values).meanSquare / square - 1) < 0.01)
    #expect(
      Histogram(values).signalToNoise(of: Quantizer(scale: 0.5, zeroPoint: 2, levels: 16)) > 20)
  }

  private let values: [Float] = [-1, 2.5, 4]
}
