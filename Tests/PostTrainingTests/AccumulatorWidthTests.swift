import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

/// Models that are made for accumulators of a width.
@Suite struct AccumulatorWidthTests {
  private func shift(
    _ bits: Int?, _ mode: Requantization = .round, estimate: AccumulatorEstimate = .guaranteed,
    weights: Int = 256, target: Target = .ortCPU, isProven: Bool = true
  ) -> QuantizationSettings {
    settings(weights: weights, target: target) {
      $0.scales = .powerOfTwo
      $0.requantization = mode
      $0.accumulator = bits.map {
        AccumulatorSettings(bits: $0, estimate: estimate, isProven: isProven)
      }
    }
  }

  /// Behind the Relu of two layers nothing is below zero.
  private let ranges: [String: ClosedRange<Float>] = ["b": 0...3, "e": 0...3]

  private func neededBits(_ graph: Graph) throws -> Int {
    try #require(try IntegerNetwork(graph).layers.compactMap { $0.accumulator?.bits }.max())
  }

  /// Every sum of the written model fits, by its own integers, in every form and arithmetic.
  @Test(arguments: [14, 16, 24], Requantization.allCases)
  func everyAccumulatorFits(bits: Int, mode: Requantization) throws {
    for target in Target.allCases {
      // Sums of tensors behind 4-bit weights that no Cast widens have a form in `float` only.
      for weights in [256, 16] where weights == 256 || target != .qdq || mode == .float {
        let graph = try quantized(
          residualNetwork(), shift(bits, mode, weights: weights, target: target), ranges: ranges
        ).graph()
        #expect(try neededBits(graph) <= bits, "\(target)")
        #expect(try graph.accumulatorBits() == bits)
        #expect(graph.metadata["qtool.settings"]?.contains("accumulator-bits=\(bits)") == true)
      }
    }
  }

  /// No scale is larger than the width asks for: a filter whose scale was raised breaks it by the next
  /// smaller one, or has the one of the estimate.
  @Test(arguments: AccumulatorEstimate.allCases) func scalesAreRaisedNoFurtherThanNeeded(
    estimate: AccumulatorEstimate
  ) throws {
    let free = try quantized(residualNetwork(), shift(nil), ranges: ranges)
    let model = try quantized(
      residualNetwork(), shift(14, estimate: estimate), ranges: ranges)
    var report = model.report(original: 0, written: 0, histograms: [:], sampleCount: 64)
    model.describeAccumulators(in: &report)
    #expect(report.accumulatorBits == 14)
    for layer in report.layers where layer.weightLevels != nil {
      let found = try #require(layer.determination)
      #expect(found.neededBits <= 14)
      #expect(found.finalWeightExponents[0] <= found.weightExponents[0])
      #expect(found.approximate <= found.guaranteed)
      if estimate == .guaranteed {
        // M1 in real numbers leaves rounding alone to break the bound, by less than a bit.
        #expect(found.finalWeightExponents[0] >= found.weightExponents[0] - 1)
      }
    }
    for (number, weights) in model.weights {
      let old = try #require(free.weights[number]?.quantizers)
      for (own, before) in zip(weights.quantizers, old) { #expect(own.scale >= before.scale) }
    }
  }

  /// Wide accumulators change nothing.
  @Test func wideAccumulatorsCostNothing() throws {
    let free = try quantized(residualNetwork(), shift(nil), ranges: ranges)
    let wide = try quantized(residualNetwork(), shift(32), ranges: ranges)
    for (number, weights) in free.weights {
      #expect(wide.weights[number]?.codes == weights.codes)
      #expect(wide.weights[number]?.quantizers == weights.quantizers)
    }
  }

  /// Without the proof the estimate is all there is, and the integers say where it fails.
  @Test func estimatesAloneProveNothing() throws {
    let graph = try quantized(
      residualNetwork(), shift(14, estimate: .observed, isProven: false), ranges: ranges
    ).graph()
    #expect(try graph.accumulatorBits() == 14)
    #expect(try neededBits(graph) > 14)
    #expect(graph.metadata["qtool.settings"]?.contains("accumulator-proof=no") == true)
  }

  /// Sums that are coarser than the result's codes would need a shift to the left; the result gets coarser
  /// codes, and fewer.
  @Test(arguments: [Requantization.round, .sadl]) func resultsAreNeverFinerThanSums(
    mode: Requantization
  ) throws {
    let graph = residualNetwork()
    let plan = try QuantizationPlan(graph, settings: shift(nil, mode))
    var ranges = histograms(plan)
    // An output far smaller than weights of few levels can make.
    ranges["b"] = Histogram((0...100).map { Float($0) / 1_000_000 })
    let model = try QuantizedModel(
      graph, histograms: ranges, settings: shift(nil, mode, weights: 4),
      on: ReferenceBackend.shared)
    #expect(try IntegerNetwork(model.graph()).islands.allSatisfy { $0.operatorType != "Conv" })
    #expect(model.plan.warnings.contains { $0.hasPrefix("stem: the codes of its result") })
    let result = try #require(model.plan.values["b"]?.quantizer)
    #expect(result.levels < 256 && model.plan.values["b"]?.levels == result.levels)
  }

  /// A coarser quantizer reaches both ends of the range by any number of steps.
  @Test(arguments: [
    (256, 128), (255, 127), (16, 8), (3, 1), (2, 1), (256, 0), (256, 255), (23, 7), (65536, 32768),
  ]) func coarserCodesCoverTheRange(levels: Int, zeroPoint: Int) {
    for exponent in [-99, 0, 7, 100] {
      let fine = Quantizer(
        scale: Float(sign: .plus, exponent: -exponent, significand: 1), zeroPoint: zeroPoint,
        levels: levels)
      for steps in 1...40 {
        let coarse = fine.coarser(by: steps)
        let wanted = fine.scale * Float(1 << steps)
        #expect(coarse.scale == min(wanted, Quantizer.scaleRange.upperBound))
        #expect(coarse.value(of: 0) <= fine.value(of: 0))
        #expect(coarse.value(of: coarse.levels - 1) >= fine.value(of: levels - 1))
        #expect(coarse.levels <= levels)
        // No code more than needed, and what was in the middle stays there.
        let excess = Double(fine.value(of: 0)) - Double(coarse.value(of: 0))
        #expect(excess < Double(coarse.scale))
        if zeroPoint == levels / 2, levels > 2 {
          #expect(coarse.zeroPoint == coarse.levels / 2)
        }
      }
    }
  }

  // MARK: Refusals

  private func refusal(_ settings: QuantizationSettings) -> String {
    do {
      _ = try quantized(residualNetwork(), settings).graph()
      return ""
    } catch { return "\(error)" }
  }

  @Test func widthsThatCannotBeHonouredNameTheNode() {
    // One step of a weight times 255 is more than 127.
    let narrow = refusal(shift(8))
    #expect(narrow.hasPrefix("node 'stem' (Conv): accumulators of 8 bits cannot be honoured: "))
    #expect(narrow.contains("all weights would be 0"))
    var wide = shift(16)
    wide.activations.levels = 65536
    #expect(refusal(wide).contains("'stem'") && refusal(wide).contains("cannot be honoured"))
    var groups = shift(16)
    groups.granularity = .group(4)
    #expect(refusal(groups).contains("no scale for a whole filter"))
    groups.skip = [NodePattern("op:Conv"), NodePattern("op:Gemm")]
    #expect(!refusal(groups).contains("cannot be honoured"))
  }

  @Test func settingsThatDoNotFitAreRefused() {
    for change: (inout QuantizationSettings) -> Void in [
      { $0.scales = .real }, { $0.accumulator?.bits = 7 }, { $0.accumulator?.bits = 33 },
      { $0.accumulator?.guardFactor = 0.5 }, { $0.accumulator?.guardFactor = 1e308 },
    ] {
      var settings = shift(16, .float)
      change(&settings)
      #expect(throws: SettingsError.self) { try settings.validate() }
    }
  }
}
