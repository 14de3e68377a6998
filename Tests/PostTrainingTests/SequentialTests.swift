import Calibration
import Execution
import Glibc
import Graph
import Operations
@testable import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

private func sample(_ number: Int) -> CalibrationSample {
  let noise = weights([3, 8, 8], seed: number &* 17 &+ 3).array(of: Float.self)
  let values = noise.indices.map { place in
    noise[place] + Float((place / 64 + place % 8 * number) % 5) / 5
  }
  return CalibrationSample(
    inputs: ["x": Tensor(values, shape: [1, 3, 8, 8])], name: "sample \(number)")
}

private let sampleCount = 24

private func model(
  _ graph: Graph, _ passes: Set<Improvement>, replays: Bool = true,
  replayed: @escaping @Sendable (Int) -> CalibrationSample = sample,
  calibrated: ((Int) -> CalibrationSample)? = nil, replayCount: Int = sampleCount,
  allowsNonFinite: Bool = false
) throws -> QuantizedModel {
  let some = settings(weights: 8, activations: 16) {
    $0.weights.range = nil
    $0.improvements = passes
  }
  let plan = try QuantizationPlan(graph, settings: some)
  let patches = plan.patches(for: some)
  var calibrator = try Calibrator(
    graph, observing: plan.observedValues.union(patches.keys), channelAxes: plan.channelAxes,
    patches: patches, on: ReferenceBackend.shared)
  try calibrator.add((0..<sampleCount).map(calibrated ?? replayed))
  let seen = try calibrator.observations(of: .init(data: "samples", sampleCount: sampleCount))
  return try QuantizedModel(
    graph, histograms: seen.histograms, channelMeans: seen.channelMeans,
    patchMoments: seen.patchMoments,
    replay: replays
      ? CalibrationReplay(
        count: replayCount, allowsNonFinite: allowsNonFinite, sample: replayed) : nil,
    settings: some, on: ReferenceBackend.shared)
}

/// The outputs of `graph` for every sample.
private func outputs(_ graph: Graph) throws -> [[Double]] {
  let executor = try Executor(graph, on: ReferenceBackend.shared)
  return try (0..<sampleCount).map {
    try executor.run(sample($0).inputs)["y"]!.array(of: Float.self).map(Double.init)
  }
}

@Suite struct SequentialTests {
  @Test func layersMakeUpForThoseBeforeThem() throws {
    let graph = residualNetwork()
    let float = try outputs(graph)
    func error(_ passes: Set<Improvement>) throws -> Double {
      let found = try outputs(model(graph, passes).graph())
      return zip(float, found).reduce(0) { sum, pair in
        zip(pair.0, pair.1).reduce(sum) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
    }
    let alone = try error([.bias])
    #expect(try error([.sequential, .bias]) < alone)
    #expect(try error([.gptq, .sequential, .bias]) < alone)
  }

  /// The bias of the last layer makes the means of the outputs those of the float network, but for
  /// rounding to a step of its own.
  @Test func biasesTakeTheMeanOfTheErrorThatIsLeft() throws {
    let graph = residualNetwork()
    let model = try model(graph, [.gptq, .sequential, .bias])
    let (float, found) = (try outputs(graph), try outputs(model.graph()))
    let head = try #require(model.plan.graph.nodes.firstIndex { $0.name == "head" })
    let data = try #require(model.plan.values[graph.nodes[head].inputs[0]]?.quantizer)
    let scales = try #require(model.weights[head]?.quantizers.map(\.scale))
    for channel in 0..<10 {
      let difference =
        zip(float, found).reduce(0) { $0 + $1.0[channel] - $1.1[channel] } / Double(sampleCount)
      let step = Double(data.scale * scales[channel])
      // Outputs are floats below 8 from sums of 64 products.
      #expect(abs(difference) <= step / 2 + 8 * 64 * 0x1p-24)
    }
  }

  /// The same layers whether samples run one at a time or together.
  @Test func batchesChangeNothing() throws {
    var single = residualNetwork()
    single.inputs = [
      ValueInfo(
        name: "x", elementType: .float32, shape: [.fixed(1), .fixed(3), .fixed(8), .fixed(8)])
    ]
    let passes: Set<Improvement> = [.gptq, .sequential, .bias]
    let (a, b) = (try model(residualNetwork(), passes), try model(single, passes))
    for (number, weights) in a.weights {
      #expect(weights.quantizers == b.weights[number]?.quantizers)
      #expect(
        weights.codes.array(of: Int8.self) == b.weights[number]?.codes.array(of: Int8.self))
      #expect(a.biases[number] == b.biases[number])
    }
  }

  @Test func statisticsAloneAreRefused() throws {
    #expect(throws: SettingsError.self) {
      try model(residualNetwork(), [.sequential], replays: false)
    }
  }

  @Test func wavesHoldLayersThatDoNotDependOnOneAnother() {
    let index = GraphIndex(residualNetwork())
    #expect(index.waves(of: [0, 2, 7]) == [[0], [2], [7]])
    var graph = residualNetwork()
    graph.nodes[2].inputs[0] = "x"
    #expect(GraphIndex(graph).waves(of: [0, 2, 7]) == [[0, 2], [7]])
  }

  /// The condition of the minimum, with moments of made-up patches and of the same with noise.
  @Test func fittedWeightsLeaveTheLeastError() throws {
    let (count, rows) = (5, 40)
    let y = weights([rows, count], seed: 5).array(of: Float.self).map(Double.init)
    let noise = weights([rows, count], seed: 6).array(of: Float.self).map(Double.init)
    func block(_ amount: Double) -> FilterMoments.Block {
      let x = zip(y, noise).map { $0 + amount * $1 }
      var (gram, cross) = (
        [Double](repeating: 0, count: count * count), [Double](repeating: 0, count: count * count)
      )
      for row in 0..<rows {
        for a in 0..<count {
          for b in 0..<count {
            gram[a * count + b] += x[row * count + a] * x[row * count + b]
            cross[a * count + b] += y[row * count + a] * x[row * count + b]
          }
        }
      }
      let zeros = [Double](repeating: 0, count: count)
      return .init(elements: 0..<count, gram: gram, cross: cross, means: (zeros, zeros))
    }
    let filters = weights([3, count], seed: 7)
    let same = WeightFitting(moments: FilterMoments(groups: [[block(0)]]))
    #expect(same.fitted(filters, axis: 0).array(of: Float.self) == filters.array(of: Float.self))
    let noisy = block(0.8)
    let fitted = WeightFitting(moments: FilterMoments(groups: [[noisy]])).fitted(filters, axis: 0)
    #expect(fitted.array(of: Float.self) != filters.array(of: Float.self))
    let ridge =
      0.01 * (0..<count).reduce(0) { $0 + noisy.gram[$1 * count + $1] } / Double(count)
    let (w, v) = (filters.array(of: Float.self), fitted.array(of: Float.self))
    for row in 0..<3 {
      for column in 0..<count {
        var slope = ridge * Double(v[row * count + column] - w[row * count + column])
        var magnitude = 0.0
        for inner in 0..<count {
          slope += Double(v[row * count + inner]) * noisy.gram[inner * count + column]
          slope -= Double(w[row * count + inner]) * noisy.cross![inner * count + column]
          magnitude += noisy.gram[inner * count + column].magnitude
        }
        // Weights below 1 are rounded to floats.
        #expect(abs(slope) <= (magnitude + ridge) * 0x1p-22)
      }
    }
  }

  /// Filters that meet the same data in every sample learn nothing from them: their weights stay what
  /// they are, and their codes the nearest.
  @Test func identicalSamplesChangeNothing() throws {
    func head(_ passes: Set<Improvement>) throws -> QuantizedWeights {
      let model = try model(residualNetwork(), passes, replayed: { _ in sample(5) })
      let number = try #require(model.plan.graph.nodes.firstIndex { $0.name == "head" })
      return try #require(model.weights[number])
    }
    let nearest = try head([.bias])
    for passes: Set<Improvement> in [
      [.gptq, .bias], [.sequential, .bias], [.gptq, .sequential, .bias],
    ] {
      let found = try head(passes)
      #expect(found.quantizers == nearest.quantizers)
      #expect(found.codes.array(of: Int8.self) == nearest.codes.array(of: Int8.self))
    }
  }

  @Test func weightsThatMeetConstantsStay() throws {
    let depthwise = Node(
      "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: ["group": .int(2)])
    let geometry = try #require(PatchGeometry(of: depthwise, weights: [2, 1, 3, 3]))
    var sums = ReplayMoments(geometry, samples: 6)
    for number in 0..<6 {
      let noise = weights([64], seed: number + 30).array(of: Float.self)
      let other = weights([64], seed: number + 60).array(of: Float.self)
      let float = [Float](repeating: 0.7, count: 64) + noise
      // The constant is another one behind quantized layers, and varies by rounding of floats.
      let quantized =
        other.map { Float(0.71).nextUp * ($0 > 0 ? 1 : 1 - Float.ulpOfOne) }
        + zip(noise, other).map { $0 + 0.3 * $1 }
      let isAdded = sums.add(
        float: Tensor(float, shape: [1, 2, 8, 8]),
        quantized: Tensor(quantized, shape: [1, 2, 8, 8]), samples: 1)
      #expect(isAdded)
    }
    let own = weights([2, 1, 3, 3], seed: 90)
    let fitted = WeightFitting(moments: sums.moments(isCentered: true)).fitted(own, axis: 0)
    let (before, after) = (own.array(of: Float.self), fitted.array(of: Float.self))
    #expect(after[..<9] == before[..<9])
    #expect(after[9...] != before[9...] && after.allSatisfy(\.isFinite))
  }

  /// Moments of a large mean whose rounding is larger than what varies: no Gram matrix, yet factors.
  @Test func indefiniteMatricesAreDampedMore() {
    let gram: [Double] = [1, 3, 3, 1]
    let solution = PositiveSolver(gram, count: 2, ridge: 0.01).solve([1, -1])
    // The least ridge of 0.01, 0.1, 1... with which no eigenvalue of 4 and -2 is negative is 10.
    #expect(abs(solution[0] - 1.0 / 8) < 0x1p-40 && abs(solution[1] + 1.0 / 8) < 0x1p-40)
    let quantizer = Quantizer(scale: 1, zeroPoint: 8, levels: 16)
    let rounding = CompensatedRounding(gram: gram, count: 2)
    #expect(rounding.codes(of: [2.1, -2.9] as [Double], quantizer) == [2, -3])
  }

  @Test func samplesThatAreNotFiniteAreNamed() throws {
    let broken: @Sendable (Int) -> CalibrationSample = { number in
      guard number == 7 else { return sample(number) }
      let values = [Float](repeating: .infinity, count: 3 * 64)
      return CalibrationSample(
        inputs: ["x": Tensor(values, shape: [1, 3, 8, 8])], name: "sample 7")
    }
    let error = #expect(throws: GraphError.self) {
      try model(
        residualNetwork(), [.sequential, .bias], replayed: broken, calibrated: sample)
    }
    #expect(error?.description.contains("'x' is not finite for sample 7;") == true)
  }

  /// Where that is allowed they are left out, by name, as though they were not there.
  @Test func samplesThatAreNotFiniteAreLeftOut() throws {
    let broken: @Sendable (Int) -> CalibrationSample = { number in
      guard number == 7 else { return sample(number) }
      let values = [Float](repeating: .nan, count: 3 * 64)
      return CalibrationSample(
        inputs: ["x": Tensor(values, shape: [1, 3, 8, 8])], name: "sample 7")
    }
    let found = try model(
      residualNetwork(), [.sequential, .bias], replayed: broken, calibrated: sample,
      allowsNonFinite: true)
    let expected = try model(
      residualNetwork(), [.sequential, .bias], replayed: { sample($0 < 7 ? $0 : $0 + 1) },
      calibrated: sample, replayCount: sampleCount - 1)
    let left = found.plan.warnings.filter { !expected.plan.warnings.contains($0) }
    #expect(left.count == 1 && left[0].contains("left out 1 samples"))
    #expect(left[0].hasSuffix(": sample 7"))
    for (number, weights) in expected.weights {
      #expect(found.weights[number]?.quantizers == weights.quantizers)
      #expect(
        found.weights[number]?.codes.array(of: Int8.self) == weights.codes.array(of: Int8.self))
      #expect(found.biases[number] == expected.biases[number])
    }
  }

  /// What is said of codes is said of the layer's own weights, not of those that were fitted.
  @Test func signalToNoiseIsThatOfTheLayersWeights() throws {
    let graph = residualNetwork()
    let model = try model(graph, [.sequential, .bias])
    for (number, weights) in model.weights {
      let own = try #require(graph.initializers[graph.nodes[number].inputs[1]])
      let power = own.array(of: Float.self).reduce(0) { $0 + Double($1) * Double($1) }
      let noise = weights.errors(of: own).reduce(0) { $0 + $1 * $1 }
      #expect(weights.signalToNoise == 10 * log10(power / noise))
    }
  }

  /// Each layer that stays says why.
  @Test func layersThatStaySayWhy() throws {
    var graph = residualNetwork()
    graph.nodes[2] = Node(
      name: "body", "ConvTranspose", inputs: ["b", "body.t", "body.b"], outputs: ["c"],
      attributes: ["pads": .ints([1, 1, 1, 1])])
    graph.initializers["body.t"] = weights([4, 4, 3, 3], seed: 6)
    let model = try model(graph, [.sequential, .bias])
    let warnings = model.plan.warnings.filter { $0.contains("for the float network's data") }
    #expect(
      warnings == [
        "body: was quantized for the float network's data: filters of a transposed convolution meet no "
          + "patches"
      ])
  }
}
