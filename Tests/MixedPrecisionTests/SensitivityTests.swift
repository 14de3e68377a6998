import Calibration
import Datasets
import Execution
import Glibc
import Graph
import MixedPrecision
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

/// Rows of six numbers.
private struct Samples: Dataset {
  let count = 24
  let name = "made up"
  var hasLabels = true

  func sample(at index: Int) -> Sample {
    Sample(
      inputs: ["x": Self.values(index)], label: hasLabels ? Label(index: index % 4) : nil,
      name: "sample \(index)")
  }

  static func values(_ number: Int) -> Tensor {
    let values = (0..<6).map { place -> Float in
      let step = (place * 7 + number * 13) % 19
      return Float(step) / 19 - 0.4
    }
    return Tensor(values, shape: [1, 6])
  }
}

@Suite struct SensitivityTests {
  /// x [N, 6] -> first -> Relu -> second -> Relu -> third -> y [N, 4]
  static func network(endingIn end: String? = nil) -> Graph {
    func numbers(_ shape: [Int], _ seed: UInt32) -> Tensor {
      var state = seed
      return Tensor(
        (0..<shape.reduce(1, *)).map { _ -> Float in
          state = state &* 1_664_525 &+ 1_013_904_223
          return Float(state >> 8) / 0x1p23 - 1
        }, shape: shape)
    }
    func layer(_ name: String, _ input: String, _ output: String) -> Node {
      Node(
        name: name, "Gemm", inputs: [input, "\(name).w", "\(name).b"], outputs: [output],
        attributes: ["transB": .int(1)])
    }
    var graph = Graph(
      opsets: ["": 21],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.symbolic("N"), .fixed(6)])],
      outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: [
        "first.w": numbers([12, 6], 1), "first.b": numbers([12], 2),
        "second.w": numbers([12, 12], 3), "second.b": numbers([12], 4),
        "third.w": numbers([4, 12], 5), "third.b": numbers([4], 6),
      ],
      nodes: [
        layer("first", "x", "a"), Node("Relu", inputs: ["a"], outputs: ["b"]),
        layer("second", "b", "c"), Node("Relu", inputs: ["c"], outputs: ["d"]),
        layer("third", "d", "y"),
      ])
    if let end {
      graph.nodes[4].outputs = ["logits"]
      graph.nodes.append(Node(end, inputs: ["logits"], outputs: ["y"]))
    }
    return graph
  }

  static let precisions = ["w8a8", "w4a8", "w2a8"]

  static func space(
    of graph: Graph, _ choices: [String] = precisions, layers: [String] = []
  ) throws -> PrecisionSpace {
    try PrecisionSpace(
      graph.preparedForQuantization(), choices: choices.map { try LayerPrecision(parsing: $0) },
      settings: QuantizationSettings(layers: layers.map { try LayerRule(parsing: $0) }))
  }

  static func analysis(
    _ space: PrecisionSpace, hasLabels: Bool = true
  ) throws -> SensitivityAnalysis<ReferenceBackend> {
    let samples = Samples(hasLabels: hasLabels)
    var calibrator = try Calibrator(
      space.graph, observing: space.observedValues, channelAxes: space.channelAxes,
      patches: space.patches, on: ReferenceBackend.shared, allowsNonFinite: false)
    try calibrator.add(
      (0..<samples.count).map {
        CalibrationSample(inputs: samples.sample(at: $0).inputs, name: "sample \($0)")
      })
    let observations = try calibrator.observations(
      of: .init(data: "made up", shard: 0, shardCount: 1, sampleCount: samples.count))
    var batches: [Batch] = []
    // The last one is filled up; what fills it must not count.
    try samples.forEachBatch(of: 5, isFixed: true) { batches.append($0) }
    return SensitivityAnalysis(
      space, observations: observations,
      answers: try AnswerComparison(
        with: space.graph, batches: batches, on: ReferenceBackend.shared),
      on: ReferenceBackend.shared)
  }

  @Test func fewerLevelsLoseMoreAndTakeLess() throws {
    let space = try Self.space(of: Self.network())
    #expect(space.layers.map(\.label) == ["first", "second", "third"])
    #expect(space.layers.map(\.multiplications) == [72, 144, 48])
    let analysis = try Self.analysis(space)
    for layer in space.layers.indices {
      let row = try space.choices.indices.map { try analysis.sensitivity(of: layer, at: $0) }
      let losses = row.map(\.divergence.loss)
      #expect(losses[0] < losses[1] && losses[1] < losses[2])
      #expect(row.map(\.bytes) == row.map(\.bytes).sorted(by: >))
      #expect(row.map(\.divergence.sqnr) == row.map(\.divergence.sqnr).sorted(by: >))
    }
  }

  /// Softmax of the same logits says the same of the same quantization.
  @Test func probabilitiesAndLogitsDivergeAlike() throws {
    var found: [[Double]] = []
    for end in [nil, "Softmax", "LogSoftmax"] {
      let space = try Self.space(of: Self.network(endingIn: end))
      let analysis = try Self.analysis(space)
      found.append(
        try space.layers.indices.map {
          try #require(analysis.sensitivity(of: $0, at: 2).divergence.divergence)
        })
    }
    for other in found.dropFirst() {
      for (value, expected) in zip(other, found[0]) {
        // Single precision has 24 bits; a divergence is a difference of logarithms of size 1 to 10.
        #expect(abs(value - expected) <= 10 * 0x1p-22)
      }
    }
  }

  /// The divergence by hand, of a network whose only difference is a bias.
  @Test func divergenceIsThatOfKullbackAndLeibler() throws {
    let space = try Self.space(of: Self.network())
    let analysis = try Self.analysis(space)
    var changed = Self.network()
    var bias = try #require(changed.initializers["third.b"]).array(of: Float.self)
    bias[0] += 0.5
    bias[2] -= 0.25
    changed.initializers["third.b"] = Tensor(bias)
    let other = try changed.preparedForQuantization()
    var sum = 0.0
    for number in 0..<24 {
      let x = Samples.values(number)
      func probabilities(_ graph: Graph) throws -> [Double] {
        let y = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])["y"]!
        let powers = y.array(of: Float.self).map { exp(Double($0)) }
        return powers.map { $0 / powers.reduce(0, +) }
      }
      let (p, q) = (try probabilities(space.graph), try probabilities(other))
      for (own, found) in zip(p, q) { sum += own * log(own / found) }
    }
    let found = try #require(try analysis.divergence(of: other).divergence)
    #expect(abs(found - sum / 24) < 1e-12)
    #expect(try analysis.divergence(of: space.graph).divergence == 0)
    #expect(try analysis.divergence(of: space.graph).sqnr == .infinity)
  }

  /// Without labels and without Softmax nothing says that outputs are classes: an error that is common to all
  /// of them counts.
  @Test func outputsThatAreNoClassesAreComparedAsNumbers() throws {
    let space = try Self.space(of: Self.network())
    var shifted = Self.network()
    let bias = try #require(shifted.initializers["third.b"]).array(of: Float.self)
    shifted.initializers["third.b"] = Tensor(bias.map { $0 + 1 })
    let other = try shifted.preparedForQuantization()
    let values = try Self.analysis(space, hasLabels: false).divergence(of: other)
    #expect(values.divergence == nil && values.sqnr.isFinite)
    #expect(values.loss == pow(10, -values.sqnr / 10))
    // Of classes it says nothing but what single precision rounds away in logits of size 1 to 4.
    let classes = try #require(
      try Self.analysis(space).divergence(of: other).divergence)
    #expect(classes < 4 * 0x1p-22)
  }

  /// Two layers that read one value have one number of levels for it.
  @Test func layersWithOneInputAreChosenTogether() throws {
    var graph = Self.network()
    graph.initializers["other.w"] = graph.initializers["third.w"]
    graph.initializers["other.b"] = graph.initializers["third.b"]
    graph.nodes.append(
      Node(
        name: "other", "Gemm", inputs: ["d", "other.w", "other.b"], outputs: ["z"],
        attributes: ["transB": .int(1)]))
    graph.outputs.append(ValueInfo(name: "z", elementType: .float32))
    let space = try Self.space(of: graph, ["w8a8", "w4a8", "w8a4", "w4a4"])
    #expect(space.groups.contains { Set($0.map { space.layers[$0].label }) == ["third", "other"] })
    let analysis = try Self.analysis(space)
    let rows = try space.layers.indices.map { layer in
      try space.choices.indices.map { try analysis.sensitivity(of: layer, at: $0) }
    }
    let search = PrecisionSearch(space, rows, kind: .bops, coarsestBytes: 0)
    let pair = space.layers.indices.filter {
      space.layers[$0].label != "first" && space.layers[$0].label != "second"
    }
    var combinations: Set<[Int]> = []
    for options in search.curve(200) {
      let precisions = pair.map { space.choices[options[$0]] }
      #expect(precisions[0].activationLevels == precisions[1].activationLevels)
      combinations.insert(precisions.map(\.weightLevels))
      // What is counted is what the model has.
      let model = try analysis.model(space.settings(options))
      let value = try #require(
        model.plan.values[model.plan.graph.nodes[model.plan.weights.keys.max()!].inputs[0]])
      #expect(value.levels == precisions[0].activationLevels)
    }
    #expect(combinations.count > 1)
  }

  @Test func layersWithLevelsOfTheirOwnTakeNoPart() throws {
    let space = try Self.space(of: Self.network(), layers: ["second:w8a8"])
    #expect(space.layers.map(\.label) == ["first", "third"])
    #expect(throws: GraphError.self) {
      try Self.space(of: Self.network(), layers: ["*:w8a8"])
    }
    #expect(throws: SettingsError.self) { try Self.space(of: Self.network(), ["w8a8", "w8a8"]) }
  }

  @Test func modelsHaveThePrecisionsThatWereChosen() throws {
    let space = try Self.space(of: Self.network())
    let analysis = try Self.analysis(space)
    let model = try analysis.model(space.settings([0, 2, 1]))
    let levels = model.plan.weights.sorted { $0.key < $1.key }.map(\.value.levels)
    #expect(levels == [256, 4, 16])
  }

  /// What the search expects of bytes is what models have.
  @Test func expectedBytesAreReal() throws {
    let space = try Self.space(of: Self.network())
    let analysis = try Self.analysis(space)
    let rows = try space.layers.indices.map { layer in
      try space.choices.indices.map { try analysis.sensitivity(of: layer, at: $0) }
    }
    let coarsest = try analysis.model(space.settings([2, 2, 2])).graph().packedConstantBytes
    let search = PrecisionSearch(space, rows, kind: .bytes, coarsestBytes: coarsest)
    for options in [[2, 2, 2], [0, 0, 0], [1, 0, 2], [2, 1, 0]] {
      let bytes = try analysis.model(space.settings(options)).graph().packedConstantBytes
      #expect(search.cost(options) == bytes)
    }
    let best = try #require(search.best(within: search.cost([1, 1, 1])))
    #expect(search.loss(best) <= search.loss([1, 1, 1]))
    #expect(search.best(within: coarsest - 1) == nil)
    #expect(search.curve(5).first == [2, 2, 2] && search.curve(5).count > 2)
  }

  /// Neighbours are all choices that change one layer, or one up and one down, and cost no more.
  @Test func neighboursCostNoMoreAndDifferLittle() throws {
    let space = try Self.space(of: Self.network())
    let rows = space.layers.map { layer in
      zip(space.choices, [(900, 0.01), (500, 0.1), (300, 1.0)]).map { choice, figures in
        LayerSensitivity(
          precision: choice,
          divergence: OutputDivergence(
            divergence: figures.1 * Double(layer.weightCount), sqnr: 10),
          bytes: figures.0 * layer.weightCount / 100)
      }
    }
    let search = PrecisionSearch(space, rows, kind: .bytes, coarsestBytes: 5000)
    let start = [0, 1, 2]
    let budget = search.cost(start) + 100
    let found = search.neighbours(of: start, within: budget)
    #expect(found.map(search.loss) == found.map(search.loss).sorted())
    var expected: Set<[Int]> = []
    for first in 0..<3 {
      for second in 0..<3 {
        for third in 0..<3 {
          let other = [first, second, third]
          let changed = other.indices.filter { other[$0] != start[$0] }
          // Of two layers one must get finer and the other coarser: the first choice is the finest.
          let isExchange =
            changed.count == 2
            && (other[changed[0]] < start[changed[0]]) != (other[changed[1]] < start[changed[1]])
          guard changed.count == 1 || isExchange, search.cost(other) <= budget else { continue }
          expected.insert(other)
        }
      }
    }
    #expect(Set(found) == expected && found.count == expected.count && expected.count > 3)
  }

  /// A layer alone is quantized as it is in the whole: what `quantizing(only:at:)` makes of borders is what the
  /// plan has.
  @Test func layersAloneHaveTheirLevels() throws {
    let graph = try Self.network().preparedForQuantization()
    var settings = QuantizationSettings(borderLevels: 256)
    settings.weights.levels = 4
    settings.activations.levels = 16
    let plan = try QuantizationPlan(graph, settings: settings)
    let isolation = try LayerIsolation(plan, of: graph, settings: settings)
    #expect(isolation.layers.map(\.label) == ["first", "second", "third"])
    #expect(isolation.layers.map(\.precision.description) == ["w8a8", "w2a4", "w8a8"])
    let space = try Self.space(of: Self.network(), ["w8a8", "w2a4"])
    let samples = Samples()
    var calibrator = try Calibrator(
      graph, observing: isolation.observedValues.union(space.observedValues),
      channelAxes: space.channelAxes, patches: space.patches.merging(isolation.patches) { $1 },
      on: ReferenceBackend.shared, allowsNonFinite: false)
    try calibrator.add(
      (0..<samples.count).map {
        CalibrationSample(inputs: samples.sample(at: $0).inputs, name: "sample \($0)")
      })
    let observations = try calibrator.observations(
      of: .init(data: "made up", shard: 0, shardCount: 1, sampleCount: samples.count))
    var batches: [Batch] = []
    try samples.forEachBatch(of: 5, isFixed: true) { batches.append($0) }
    let answers = try AnswerComparison(with: graph, batches: batches, on: ReferenceBackend.shared)
    let analysis = SensitivityAnalysis(
      space, observations: observations, answers: answers, on: ReferenceBackend.shared)
    for (layer, option) in [0, 1, 0].enumerated() {
      let alone = try isolation.divergence(
        ofLayer: layer, observations, answers, on: ReferenceBackend.shared)
      #expect(alone == (try analysis.sensitivity(of: layer, at: option).divergence))
    }
  }

  @Test func bitOperationsAreMultiplicationsTimesBits() throws {
    let space = try Self.space(of: Self.network(), ["w8a8", "23x8"])
    let analysis = try Self.analysis(space)
    let rows = try space.layers.indices.map { layer in
      try space.choices.indices.map { try analysis.sensitivity(of: layer, at: $0) }
    }
    let search = PrecisionSearch(space, rows, kind: .bops, coarsestBytes: 0)
    #expect(search.cost([0, 1, 1]) == 72 * 64 + (144 + 48) * 5 * 3)
  }

  @Test func layersAreTimed() throws {
    let space = try Self.space(of: Self.network())
    let analysis = try Self.analysis(space)
    for layer in space.layers.indices { #expect(try analysis.nanoseconds(of: layer, at: 1) > 0) }
  }
}
