import Quantization
import Testing

@Suite struct RangeMethodTests {
  @Test(arguments: [
    "minmax", "percentile:99.9", "percentile:100.0", "entropy", "mse", "crossentropy",
  ])
  func descriptionsAreReadBack(text: String) throws {
    #expect(try #require(RangeMethod(text)).description == text)
  }

  @Test func otherTextIsRefused() {
    #expect(RangeMethod("percentile") == .percentile(99.999))
    for text in [
      "", "max", "percentile:", "percentile:0", "percentile:101", "percentile:nan", "mse:1",
      "minmax ",
    ] {
      #expect(RangeMethod(text) == nil, "\(text)")
    }
  }

  @Test func minMaxSpansTheValues() {
    let histogram = Histogram([-1, 0.5, 3])
    let affine = quantizer(from: histogram, method: .minmax, levels: 5, scheme: .affine)
    #expect(affine == Quantizer(scale: 1, zeroPoint: 1, levels: 5))
    let symmetric = quantizer(from: histogram, method: .minmax, levels: 256, scheme: .symmetric)
    #expect(symmetric == Quantizer(scale: 3 / 127, zeroPoint: 128, levels: 256))
    let positive = quantizer(from: Histogram([2, 4]), method: .minmax, levels: 5, scheme: .affine)
    #expect(positive == Quantizer(scale: 1, zeroPoint: 0, levels: 5))
    let widest = quantizer(
      from: Histogram([-3e38, 3e38]), method: .minmax, levels: 4, scheme: .affine)
    #expect(widest.scale == 0x1p100)
  }

  @Test func percentilesCutBothEnds() {
    // 1001 values -500 ... 500, of which 1 % at either end are 10.
    let histogram = Histogram((-500...500).map(Float.init), layout: .growing(binsPerSide: 65536))
    let range = histogram.range(ofPercentile: 98)
    #expect(abs(range.lowerBound + 490) <= 1 && abs(range.upperBound - 490) <= 1)
    #expect(histogram.range(ofPercentile: 100) == -500...500)
    // Half of all values are zero: the lower end of a ReLU output is zero.
    let relu = Histogram(Distribution.reluGauss.values(10_000, seed: 1))
    let cut = relu.range(ofPercentile: 99)
    #expect(cut.lowerBound == 0)
    // the 99.5th percentile of a normal: 2.58
    #expect(cut.upperBound > 2.3 && cut.upperBound < 2.9)
    #expect(Histogram().range(ofPercentile: 99) == 0...0)
  }

  @Test(arguments: Scheme.allCases)
  func entropyClipsRareOutliersOnly(scheme: Scheme) {
    let layout = Histogram.Layout.growing(binsPerSide: 2048)
    let body = Distribution.gauss.values(20_000, seed: 2)
    let spread = Histogram(body, layout: layout)
    let fit = quantizerFit(from: spread, method: .entropy, levels: 256, scheme: scheme)
    let widest = quantizer(from: spread, method: .minmax, levels: 256, scheme: scheme)
    #expect(fit.quantizer.scale <= widest.scale && fit.quantizer.scale > widest.scale / 3)
    let withOutliers = Histogram(body + [200, -200], layout: layout)
    let clipped = quantizer(from: withOutliers, method: .entropy, levels: 256, scheme: scheme)
    #expect(clipped.scale < 20 * widest.scale)
    let few = quantizer(from: withOutliers, method: .entropy, levels: 16, scheme: scheme)
    let fewWidest = quantizer(from: withOutliers, method: .minmax, levels: 16, scheme: scheme)
    #expect(few.scale < fewWidest.scale / 2)
    #expect(few.levels == 16)
  }

  @Test func entropyKeepsOneSidedValuesOneSided() {
    let histogram = Histogram(Distribution.reluGauss.values(20_000, seed: 3))
    let quantizer = quantizer(from: histogram, method: .entropy, levels: 256, scheme: .affine)
    #expect(quantizer.zeroPoint == 0)
    let top = Double(quantizer.scale) * 255
    #expect(top > 1.5 && top <= Double(histogram.maximum!) * 1.0001)
  }

  @Test(arguments: ["minmax", "percentile", "entropy", "mse"])
  func everyMethodTakesWhatCalibrationMayMeet(text: String) throws {
    let method = try #require(RangeMethod(text))
    for values: [Float] in [
      [], [0], [.nan], [7], [-7], [0, 7], [0x1p-139], [3e38, -3e38], [1, 1e30],
    ] {
      for levels in [2, 3, 16, 256, 4096] {
        for scheme in Scheme.allCases {
          let fit = quantizerFit(
            from: Histogram(values, layout: .growing(binsPerSide: 64)), method: method,
            levels: levels, scheme: scheme)
          #expect(fit.quantizer.levels == levels && fit.error.isFinite && fit.error >= 0)
          #expect(scheme.zeroPoints(levels: levels).contains(fit.quantizer.zeroPoint))
        }
      }
    }
  }

  @Test func theLeastSquaresMethodHasTheLeastError() {
    for distribution in Distribution.allCases {
      let histogram = Histogram(
        distribution.values(5000, seed: 5), layout: .growing(binsPerSide: 1024))
      // What the search may miss the optimum by; with four bins a step there are many minima.
      for (levels, allowed) in [(4, 0.001), (16, 0.001), (256, 0.01)] {
        let least = quantizerFit(from: histogram, method: .mse, levels: levels, scheme: .affine)
        for method in [RangeMethod.minmax, .percentile(99.9), .entropy] {
          let fit = quantizerFit(from: histogram, method: method, levels: levels, scheme: .affine)
          #expect(
            least.error <= fit.error * (1 + allowed), "\(distribution) \(method) \(levels)")
        }
      }
    }
  }
}
