import Calibration
import Execution
import Graph
import Operations
import Quantization
import Tensors
import TestNetworks
import Testing

@testable import PostTraining

/// Activations cut into groups of channels.
@Suite struct ActivationGroupTests {
  /// Small whole numbers, whose products and sums are exact in any order.
  private func integers(_ shape: [Int], seed: Int, scale: Float = 16) -> Tensor {
    Tensor(
      weights(shape, seed: seed).array(of: Float.self).map { ($0 * scale).rounded() }, shape: shape)
  }

  private func settings(
    _ groups: Int, permutes: Bool = true, _ change: (inout QuantizationSettings) -> Void = { _ in }
  ) -> QuantizationSettings {
    TestNetworks.settings {
      $0.activationGroups = ActivationGroupSettings(count: groups, permutes: permutes)
      change(&$0)
    }
  }

  private func replay(_ samples: [Tensor]) -> CalibrationReplay {
    CalibrationReplay(count: samples.count) { index in
      CalibrationSample(inputs: ["x": samples[index]], name: "sample \(index)")
    }
  }

  /// x [N, 5, 12] -> MatMul -> Add -> Relu -> MatMul -> Add (residual) -> two products -> y, z
  private var network: Graph {
    Graph(
      opsets: ["": 13], inputs: [value("x", [5, 12])],
      outputs: [value("y", [5, 4]), value("z", [5, 6])],
      initializers: [
        "w1": integers([12, 10], seed: 1), "b1": integers([10], seed: 2),
        "w2": integers([10, 12], seed: 3), "w3": integers([12, 4], seed: 4),
        "w4": integers([12, 6], seed: 5),
      ],
      nodes: [
        Node(name: "wide", "MatMul", inputs: ["x", "w1"], outputs: ["a"]),
        Node(name: "bias", "Add", inputs: ["b1", "a"], outputs: ["b"]),
        Node(name: "relu", "Relu", inputs: ["b"], outputs: ["c"]),
        Node(name: "narrow", "MatMul", inputs: ["c", "w2"], outputs: ["d"]),
        Node(name: "residual", "Add", inputs: ["d", "x"], outputs: ["e"]),
        Node(name: "left", "MatMul", inputs: ["e", "w3"], outputs: ["y"]),
        Node(name: "right", "MatMul", inputs: ["e", "w4"], outputs: ["z"]),
      ])
  }

  private var samples: [Tensor] {
    (0..<6).map { number in
      // Channels of different ranges, in no order.
      let values = integers([1, 5, 12], seed: 20 + number).array(of: Float.self)
      return Tensor(
        values.enumerated().map { $1 * Float(($0 * 5) % 12 + 1) }, shape: [1, 5, 12])
    }
  }

  @Test(arguments: [2, 3, 5, 100], [true, false])
  func theFloatFunctionStaysTheSame(groups: Int, permutes: Bool) throws {
    var cut = network
    let outcome = try cut.splitActivations(
      settings(groups, permutes: permutes), replay(samples), on: ReferenceBackend.shared)
    // Inputs of 12, 10 and 12 channels; the last is read by two products.
    let each = [12, 10, 12, 12].map { min($0, groups) }
    #expect(outcome.products == 4 && outcome.parts == each.reduce(0, +))
    // What the Relu gives comes from columns of a matrix; the others have other readers.
    #expect(outcome.folded == (permutes ? ["c"] : []))
    #expect(outcome.gathered == (permutes ? ["x", "e"] : []))
    #expect(outcome.inOrder == (permutes ? [] : ["x", "c", "e"]))
    #expect(cut.census["Split"] == 3 && cut.census["Gather"] == (permutes ? 2 : nil))
    #expect(cut.census["MatMul"] == outcome.parts)
    // What is in another order has another name.
    #expect((cut.writer(of: "b") == nil) == permutes)
    let (before, after) = (
      try Executor(network, on: ReferenceBackend.shared),
      try Executor(cut, on: ReferenceBackend.shared)
    )
    for sample in samples {
      #expect(try after.run(["x": sample]) == before.run(["x": sample]))
    }
  }

  @Test func channelsAreSortedByTheWidthOfTheirRange() throws {
    let ranges = ChannelRanges(minima: [0, -1, -5, 2, 0], maxima: [3, 1, 5, 3, 2])
    let order = ChannelOrder(ranges, ActivationGroupSettings(count: 2))
    #expect(order.channels == [3, 1, 4, 0, 2] && order.sizes == [2, 3])
    let inOrder = ChannelOrder(ranges, ActivationGroupSettings(count: 9, permutes: false))
    #expect(inOrder.isIdentity && inOrder.sizes == [1, 1, 1, 1, 1])
    let found = try network.channelRanges(
      of: ["x"], replay(samples), on: ReferenceBackend.shared)["x"]
    for channel in 0..<12 {
      let own = samples.flatMap { sample in
        (0..<5).map { sample.array(of: Float.self)[$0 * 12 + channel] }
      }
      #expect(found?.minima[channel] == own.min() && found?.maxima[channel] == own.max())
    }
  }

  /// A product with a bias: it is added once, and every part can take the mean error of its weights.
  @Test(arguments: [0, 1])
  func aBiasIsAddedOnce(transposed: Int) throws {
    let graph = Graph(
      opsets: ["": 13], inputs: [value("x", [7])], outputs: [value("y", [3])],
      initializers: [
        "w": integers(transposed == 1 ? [3, 7] : [7, 3], seed: 3), "b": integers([3], seed: 4),
      ],
      nodes: [
        Node(
          name: "fc", "Gemm", inputs: ["x", "w", "b"], outputs: ["y"],
          attributes: ["transB": .int(transposed)])
      ])
    var cut = graph
    let samples = (0..<3).map { integers([1, 7], seed: 30 + $0) }
    _ = try cut.splitActivations(settings(3), replay(samples), on: ReferenceBackend.shared)
    #expect(cut.census == ["Gather": 1, "Split": 1, "Gemm": 3, "Add": 2])
    #expect(cut.nodes.filter { $0.operatorType == "Gemm" }.allSatisfy { $0.inputs.count == 3 })
    for sample in samples {
      let expected = try Executor(graph, on: ReferenceBackend.shared).run(["x": sample])
      #expect(try Executor(cut, on: ReferenceBackend.shared).run(["x": sample]) == expected)
    }
  }

  /// Two channels of 100 beside ten of 1, which alone count: one step of 4 bits for all is 200 / 15, and nothing is
  /// left of them.
  @Test func outliersDoNotDrownTheOtherChannels() throws {
    let outliers: Set = [2, 9]
    let matrix = (0..<12).flatMap { row in
      [Float](repeating: outliers.contains(row) ? 0 : 0.5, count: 2)
    }
    let graph = Graph(
      opsets: ["": 13], inputs: [value("x", [12])], outputs: [value("y", [2])],
      initializers: ["w": Tensor(matrix, shape: [12, 2])],
      nodes: [Node(name: "fc", "MatMul", inputs: ["x", "w"], outputs: ["y"])])
    let samples = (0..<8).map { number in
      let small = weights([1, 12], seed: 40 + number).array(of: Float.self)
      return Tensor(
        small.enumerated().map { place, value in
          outliers.contains(place) ? (number % 2 == 0 ? 100 : -100) : value * 4
        }, shape: [1, 12])
    }
    func outputs(_ groups: Int, permutes: Bool) throws -> [Float] {
      var graph = graph
      let settings = settings(groups, permutes: permutes) { $0.activations.levels = 16 }
      _ = try graph.splitActivations(settings, replay(samples), on: ReferenceBackend.shared)
      let plan = try QuantizationPlan(graph, settings: settings)
      let executor = try Executor(graph, on: ReferenceBackend.shared)
      var seen: [String: [Float]] = [:]
      for sample in samples {
        _ = try executor.run(["x": sample], observing: plan.observedValues) { name, value in
          seen[name, default: []] += ReferenceBackend.shared.download(value).array(
            of: Float.self)
        }
      }
      let model = try QuantizedModel(
        graph, histograms: seen.mapValues { Histogram($0) }, settings: settings,
        on: ReferenceBackend.shared)
      let layers = model.report(original: 0, written: 0, histograms: [:], sampleCount: 100).layers
      #expect(layers.count == groups && layers.allSatisfy { $0.execution == "MatMulInteger" })
      let written = try Executor(model.graph(), on: ReferenceBackend.shared)
      return try samples.flatMap { try written.run(["x": $0])["y"]?.array(of: Float.self) ?? [] }
    }
    let expected = samples.flatMap { sample -> [Float] in
      let x = sample.array(of: Float.self)
      let sum = (0..<12).filter { !outliers.contains($0) }.reduce(Float(0)) { $0 + x[$1] / 2 }
      return [sum, sum]
    }
    // Neighbours: an outlier in each half.
    #expect(try outputs(2, permutes: false).allSatisfy { $0 == 0 })
    // Six groups of two: one has both outliers, and no other channel.
    let found = try outputs(6, permutes: true)
    // For each of ten weights of a half a step of 2 / 15, half of it because zero has a code, and half a step of
    // weights, 1 / 254, for data of at most 1.
    let bound = Float(10) * (0.5 * 2 / 15 + 0.25 / 127)
    for (own, value) in zip(found, expected) { #expect(abs(own - value) <= bound) }
    #expect(expected.contains { abs($0) > bound })
  }

  @Test func patternsChooseWholeProducts() throws {
    let settings = settings(3) {
      $0.skip = [NodePattern("left")]
      $0.layers = [LayerRule(NodePattern("narrow"), weightLevels: 16)]
    }
    var cut = network
    let outcome = try cut.splitActivations(
      settings, replay(samples), on: ReferenceBackend.shared)
    #expect(outcome.products == 3 && cut.node("left") != nil)
    let rest = TestNetworks.settings {
      $0.activationGroups = settings.activationGroups
      $0.layers = settings.layers
    }
    let plan = try QuantizationPlan(cut, settings: rest)
    let levels = plan.weights.map { (plan.graph.nodes[$0.key].label, $0.value.levels) }
    #expect(levels.filter { $0.1 == 16 }.map(\.0).sorted() == (1...3).map { "narrow_group\($0)" })
    // No file has room for what a node is a part of before IR version 10.
    let written = try quantized(cut, rest).graph()
    #expect(written.nodes.allSatisfy { $0.metadata.isEmpty })
  }

  @Test func valuesThatAreNotFiniteAreNamed() {
    let bad = Tensor([Float](repeating: .nan, count: 60), shape: [1, 5, 12])
    var cut = network
    let error = #expect(throws: GraphError.self) {
      try cut.splitActivations(
        settings(2), replay([samples[0], bad]), on: ReferenceBackend.shared)
    }
    #expect(error?.description.contains("'x' is not finite") == true)
    #expect(error?.description.contains("sample 1") == true)
    #expect(cut == network)
  }

  @Test func countsThatDoNotMakeGroupsAreRefused() {
    #expect(throws: SettingsError.self) { try settings(1).validate() }
    #expect(throws: SettingsError.self) {
      try settings(2) { $0.weightOnly = WeightOnlySettings() }.validate()
    }
  }
}
