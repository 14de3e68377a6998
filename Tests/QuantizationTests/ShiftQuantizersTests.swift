import Quantization
import Testing

/// Exponents from statistics: the bounds hold, and the next exponent breaks them.
@Suite struct ShiftQuantizersTests {
  /// Numbers between -1 and 1 that look random, times `factor`.
  private func numbers(_ count: Int, seed: UInt64, factor: Float = 1) -> [Float] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Float(state >> 40) / Float(1 << 23) - 1) * factor
    }
  }

  private func statistics(
    channels: Int, length: Int, seed: UInt64, activation: Double = 3, output: Double? = nil
  ) -> LayerStatistics {
    LayerStatistics(
      channels: (0..<channels).map {
        numbers(length, seed: seed &* 100 &+ UInt64($0), factor: Float($0 + 1) / 4)
      }, biases: numbers(channels, seed: seed &+ 7), largestActivation: activation,
      largestOutput: output)
  }

  private func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }

  /// `K mean |w|` is the L1 norm: M1 is the largest sum over all inputs within the activation's range.
  @Test(arguments: 1...6) func guaranteedIsTheLargestSum(seed: UInt64) {
    let channels = (0..<3).map { numbers(5, seed: seed &* 10 &+ UInt64($0)) }
    let biases = numbers(3, seed: seed)
    let statistics = LayerStatistics(channels: channels, biases: biases, largestActivation: 1.5)
    for (channel, weights) in channels.enumerated() {
      // A sum of products is largest at a corner of the range of inputs.
      let sums = (0..<32).map { corner in
        weights.indices.reduce(0.0) {
          $0 + Double(weights[$1]) * (corner >> $1 & 1 == 1 ? 1.5 : -1.5)
        }
      }
      let largest = (sums.max() ?? 0) + Double(biases[channel].magnitude)
      // Five sums and products in another order, each within half a unit in the last place.
      #expect(abs(statistics.guaranteed(channel: channel) - largest) <= 16 * largest.ulp)
      #expect(statistics.guaranteed(channel: channel) <= statistics.guaranteed)
    }
  }

  /// With the statistics of one channel M2 is M1; with those of the layer it is at most M1.
  @Test(arguments: 1...6) func approximateIsGuaranteedByChannel(seed: UInt64) {
    let layer = statistics(channels: 6, length: 18, seed: seed)
    for channel in 0..<6 {
      var one = layer
      one.meanWeights = [layer.meanWeights[channel]]
      one.biases = [layer.biases[channel]]
      #expect(one.approximate == one.guaranteed)
      #expect(one.approximate == layer.guaranteed(channel: channel))
    }
    #expect(layer.approximate < layer.guaranteed)
    var same = layer
    same.meanWeights = Array(repeating: 0.25, count: 6)
    #expect(same.approximate == same.guaranteed)
  }

  @Test func observedIsGuardedAndNeedsAnOutput() {
    let seen = statistics(channels: 2, length: 9, seed: 3, output: 1.25)
    #expect(seen.observed(guard: 2) == 2.5)
    #expect(seen.largestSum(.observed, channel: 1, guard: 4) == 5)
    let unseen = statistics(channels: 2, length: 9, seed: 3)
    #expect(unseen.observed(guard: 2) == nil)
    #expect(unseen.largestSum(.observed, channel: 1, guard: 4) == unseen.guaranteed(channel: 1))
  }

  /// A channel of small weights, or a small guarantee, is not taken for more than it can be.
  @Test(arguments: AccumulatorEstimate.allCases) func noEstimateExceedsWhatIsGuaranteed(
    estimate: AccumulatorEstimate
  ) {
    let layer = statistics(channels: 6, length: 18, seed: 2, output: 40)
    #expect(layer.approximate > layer.guaranteed(channel: 0))
    for factor in [1, 2, 1e6] {
      for channel in 0..<6 {
        let sum = layer.largestSum(estimate, channel: channel, guard: factor)
        #expect(sum <= layer.guaranteed(channel: channel))
      }
      #expect(layer.largestSum(estimate, channel: nil, guard: factor) <= layer.guaranteed)
    }
  }

  /// The largest exponent whose codes fit, for numbers around powers of two and others.
  @Test(arguments: [2, 8, 16, 32]) func exponentsAreTheLargestThatFit(bits: Int) {
    let most = power(bits - 1) - 1
    for seed in 1...40 {
      for largest in [Double(seed) / 7, power(seed - 20), most, most.nextUp, most / 2] {
        let exponent = ShiftQuantizers.exponent(bits: bits, largest: largest)
        #expect(largest * power(exponent) <= most)
        #expect(largest * power(exponent + 1) > most)
      }
    }
    #expect(ShiftQuantizers.exponent(bits: bits, largest: 0) == 100)
    #expect(ShiftQuantizers.exponent(bits: bits, largest: .infinity) == -100)
  }
}
