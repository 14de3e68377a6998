import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import TestNetworks
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
    for target in [Target.ortCPU, .qdq, .qoperator] {
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

  /// No scale is larger than the width asks for: each has the exponent of its own search or the one of the
  /// estimate, whichever is the smaller, or a smaller one, and then the next larger breaks the width.
  @Test(arguments: AccumulatorEstimate.allCases) func scalesAreRaisedNoFurtherThanNeeded(
    estimate: AccumulatorEstimate
  ) throws {
    let network = residualNetwork()
    let bits = 14
    let free = try quantized(network, shift(nil), ranges: ranges)
    let model = try quantized(network, shift(bits, estimate: estimate), ranges: ranges)
    var report = model.report(original: 0, written: 0, histograms: [:], sampleCount: 64)
    model.describeAccumulators(in: &report)
    #expect(report.accumulatorBits == bits)
    let written = try IntegerNetwork(model.graph()).layers
    var lowered = 0
    for (number, weights) in model.weights {
      let name = model.plan.graph.nodes[number].label
      let found = try #require(report.layers.first { $0.name == name }?.determination)
      let layer = try #require(written.first { $0.name == name })
      let floats = try #require(network.initializers["\(name).w"])
      let biases = try #require(network.initializers["\(name).b"]).array(of: Float.self)
      let rows = floats.array(of: Float.self)
      let length = rows.count / weights.quantizers.count
      let first = try #require(free.weights[number]).quantizers.map { exponent($0.scale) }
      var last = 0
      for (filter, quantizer) in weights.quantizers.enumerated() {
        let sum = ShiftQuantizers.exponent(
          bits: bits,
          largest: found.statistics.largestSum(estimate, channel: filter, guard: 2))
        let start = min(first[filter], sum - found.inputExponent)
        let own = exponent(quantizer.scale)
        func interval(_ exponent: Int) -> AccumulatorInterval {
          let codes = rows[filter * length..<(filter + 1) * length].map {
            let code = ($0 * power(exponent)).rounded(.toNearestOrEven)
            return Int(min(max(code, -127), 127))
          }
          let bias = biases[filter] * power(exponent + found.inputExponent)
          return AccumulatorInterval(
            weights: codes, inputs: layer.inputs, hasBorder: name != "head",
            bias: Int(bias.rounded(.toNearestOrEven)))
        }
        #expect(interval(own) == layer.filters[filter])
        #expect(interval(own).bits <= bits && own <= start)
        if own < start { #expect(interval(own + 1).bits > bits, "\(name), filter \(filter)") }
        lowered += start - own
        last += own < first[filter] ? 1 : 0
      }
      #expect(found.neededBits == layer.accumulator?.bits && found.raisedScales == last)
      let range = try #require(report.layers.first { $0.name == name }?.weightRange)
      let told = "\(last) of \(weights.quantizers.count) scales raised for accumulators"
      #expect(range.contains(told) == (last > 0), "\(range)")
      #expect(found.approximate <= found.guaranteed)
    }
    #expect(lowered == report.layers.reduce(0) { $0 + ($1.determination?.lowerings ?? 0) })
    // What was observed is less than what can be, so the integers decide.
    if estimate == .observed { #expect(lowered > 0) }
  }

  private func exponent(_ scale: Float) -> Int { -Int(scale.exponent) }

  private func power(_ exponent: Int) -> Float {
    Float(sign: .plus, exponent: exponent, significand: 1)
  }

  /// A result that shares its codes with the layer's own data gets coarser ones, and with it the data; the
  /// layer is done again for these, needs no coarser result then, and keeps what was told of the first.
  @Test func layersDoneAgainKeepTheirWarnings() throws {
    var graph = Graph(
      name: "again", opsets: ["": 13], inputs: [value("x", [2, 4, 4])],
      outputs: [value("y", [4, 4, 4])],
      initializers: parameters("inner", 2, 2).merging(parameters("outer", 4, 4, seed: 2)) { a, _ in
        a
      },
      nodes: [
        convolution("inner", "x", "a"),
        Node(
          name: "same", "MaxPool", inputs: ["x"], outputs: ["p"],
          attributes: ["kernel_shape": .ints([1, 1])]),
        Node(
          name: "both", "Concat", inputs: ["p", "a"], outputs: ["b"], attributes: ["axis": .int(1)]),
        convolution("outer", "b", "y"),
      ])
    // Weights up to 8: their sums of 14 bits have steps larger than the data's.
    let small = weights([2, 2, 3, 3])
    graph.initializers["inner.w"] = Tensor(
      small.array(of: Float.self).map { $0 * 32 }, shape: small.shape)
    let model = try quantized(graph, shift(14, isProven: false))
    let data = try #require(model.plan.values["x"])
    #expect(data.group == model.plan.values["a"]?.group)
    let coarser = try #require(data.quantizer)
    // -1...3 in 256 levels is 2^-6 and no coarser.
    #expect(exponent(coarser.scale) < 6)
    let warnings = model.plan.warnings.filter { $0.hasPrefix("inner: the codes of its result") }
    #expect(warnings.count == 1, "\(model.plan.warnings)")
    let levels = try #require(model.plan.values["a"]?.levels)
    #expect(warnings.first?.hasSuffix("\(levels) levels") == true, "\(warnings)")
    let inner = try #require(model.weights[0]?.quantizers.map { exponent($0.scale) }.min())
    #expect(inner >= 0)
  }

  /// The filter that is named is the one whose sum is too wide, where all share one quantizer too.
  @Test func theFilterIsNamedWhereAllShareAQuantizer() throws {
    var graph = residualNetwork()
    // A bias of 2^30 steps of the largest scale there is cannot be had in 16 bits by any scale.
    var biases = try #require(graph.initializers["stem.b"]).array(of: Float.self)
    biases[2] = 0x1p118
    graph.initializers["stem.b"] = Tensor(biases)
    var narrow = shift(16)
    narrow.granularity = .tensor
    let reason = #expect(throws: GraphError.self) {
      try quantized(graph, narrow, ranges: self.ranges)
    }
    #expect(reason?.description.contains("'stem'") == true, "\(reason?.description ?? "")")
    #expect(reason?.description.contains("filter 2 needs") == true, "\(reason?.description ?? "")")
  }

  /// Biases that are not one a row of weights belong to filters that nothing tells apart.
  @Test func biasesOfTransposedGroupsAreRefused() throws {
    let graph = Graph(
      name: "transposed", opsets: ["": 13], inputs: [value("x", [4, 5, 5])],
      outputs: [value("y", [6, 5, 5])],
      initializers: ["up.w": weights([4, 3, 1, 1]), "up.b": weights([6])],
      nodes: [
        Node(
          name: "up", "ConvTranspose", inputs: ["x", "up.w", "up.b"], outputs: ["y"],
          attributes: ["group": .int(2)])
      ])
    let error = #expect(throws: GraphError.self) {
      try quantized(graph, shift(16, isProven: false))
    }
    #expect(
      error?.description.contains("node 'up' (ConvTranspose)") == true
        && error?.description.contains("6 biases are not one for each of the 3 filters") == true,
      "\(error?.description ?? "")")
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
