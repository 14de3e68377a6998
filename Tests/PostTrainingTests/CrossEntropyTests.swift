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

/// x -> Conv -> Relu -> GlobalAveragePool -> Flatten -> Gemm -> logits (-> Softmax -> y)
private func classifier(_ tail: [String]) -> Graph {
  var graph = Graph(
    opsets: ["": 13], inputs: [value("x", [3, 6, 6])],
    outputs: [ValueInfo(name: tail.isEmpty ? "logits" : "y", elementType: .float32)],
    initializers: [
      "c.w": weights([6, 3, 3, 3], seed: 1), "c.b": weights([6], seed: 2),
      "w": weights([6, 5], seed: 3), "b": weights([5], seed: 4),
    ],
    nodes: [
      Node(name: "conv", "Conv", inputs: ["x", "c.w", "c.b"], outputs: ["a"]),
      Node("Relu", inputs: ["a"], outputs: ["r"]),
      Node("GlobalAveragePool", inputs: ["r"], outputs: ["p"]),
      Node("Flatten", inputs: ["p"], outputs: ["f"]),
      Node(name: "head", "Gemm", inputs: ["f", "w", "b"], outputs: ["logits"]),
    ])
  var value = "logits"
  for (place, name) in tail.enumerated() {
    let output = place == tail.count - 1 ? "y" : "t\(place)"
    graph.nodes.append(Node(name, inputs: [value], outputs: [output]))
    value = output
  }
  return graph
}

private func sample(_ number: Int) -> CalibrationSample {
  let values = weights([3, 6, 6], seed: number + 9).array(of: Float.self).map {
    $0 * Float(number % 5 + 1) * 4
  }
  return CalibrationSample(
    inputs: ["x": Tensor(values, shape: [1, 3, 6, 6])], name: "sample \(number)")
}

private let count = 20

private func model(
  _ graph: Graph, order: @escaping @Sendable (Int) -> Int = { $0 }, replays: Bool = true,
  range: RangeMethod = .crossEntropy
) throws -> QuantizedModel {
  let some = settings(activations: 8) {
    $0.activations.range = range
    $0.improvements = []
  }
  let plan = try QuantizationPlan(graph, settings: some)
  var calibrator = try Calibrator(
    graph, observing: plan.observedValues, on: ReferenceBackend.shared)
  try calibrator.add((0..<count).map(sample))
  let seen = try calibrator.observations(of: .init(data: "samples", sampleCount: count))
  return try QuantizedModel(
    graph, histograms: seen.histograms,
    replay: replays ? CalibrationReplay(count: count) { sample(order($0)) } : nil, settings: some,
    on: ReferenceBackend.shared)
}

/// The probabilities of classes, computed plainly.
private func probabilities(_ logits: [Double]) -> [Double] {
  let terms = logits.map { exp($0) }
  let sum = terms.reduce(0, +)
  return terms.map { $0 / sum }
}

@Suite struct CrossEntropyTests {
  /// The quantizer of the last layer's data is, of all that are tried, the one of the least cross entropy,
  /// by another computation of it from the network's own logits.
  @Test(arguments: [[], ["Softmax"], ["LogSoftmax"]])
  func theLeastCrossEntropyIsTaken(tail: [String]) throws {
    let graph = classifier(tail)
    let model = try model(graph)
    let squares = try self.squares(graph)
    let value = try #require(squares.plan.values["f"])
    let start = try #require(value.quantizer)
    let histogram = try #require(try histogram())
    let candidates = CrossEntropyRange<ReferenceBackend>.candidates(histogram, start: start)
    // What a Relu gives has no range below zero.
    #expect(candidates.count == CrossEntropyRange<ReferenceBackend>.steps + 1)
    let entropies = try candidates.map(crossEntropy)
    let least = entropies.indices.min { entropies[$0] < entropies[$1] } ?? 0
    #expect(model.plan.values["f"]?.quantizer == candidates[least])
    #expect(model.plan.values["f"]?.quantizer != start)
    // Other activations keep theirs.
    #expect(model.plan.values["x"]?.quantizer == squares.plan.values["x"]?.quantizer)
    #expect(model.plan.warnings == squares.plan.warnings)
    let methods = model.report(
      original: 1, written: 1, histograms: [:], sampleCount: count
    ).activations.filter { $0.range == "crossentropy" }.map(\.name)
    #expect(methods.contains("f") && !methods.contains("x"))
  }

  private func squares(_ graph: Graph) throws -> QuantizedModel { try model(graph, range: .mse) }

  private func histogram() throws -> Histogram? {
    let graph = classifier([])
    let plan = try QuantizationPlan(graph, settings: settings(activations: 8))
    var calibrator = try Calibrator(
      graph, observing: plan.observedValues, on: ReferenceBackend.shared)
    try calibrator.add((0..<count).map(sample))
    let seen = try calibrator.observations(of: .init(data: "samples", sampleCount: count))
    return plan.values["f"].flatMap { plan.histogram(of: $0, seen.histograms) }
  }

  /// Over all samples, with the layer's data alone quantized.
  private func crossEntropy(_ quantizer: Quantizer) throws -> Double {
    let graph = classifier([])
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    let weights = try #require(graph.initializers["w"]).array(of: Float.self).map(Double.init)
    let bias = try #require(graph.initializers["b"]).array(of: Float.self).map(Double.init)
    var sum = 0.0
    for number in 0..<count {
      var data: [Float] = []
      let logits = try executor.run(sample(number).inputs, observing: ["f"]) { _, value in
        data = ReferenceBackend.shared.download(value).array(of: Float.self)
      }["logits"]!.array(of: Float.self).map(Double.init)
      let rounded = data.map { Double(quantizer.value(of: quantizer.code(of: $0))) }
      let found = bias.indices.map { result in
        rounded.indices.reduce(bias[result]) { $0 + rounded[$1] * weights[$1 * 5 + result] }
      }
      for (p, q) in zip(probabilities(logits), probabilities(found)) { sum -= p * log(q) }
    }
    return sum
  }

  @Test func neitherOrderNorBatchesMatter() throws {
    let graph = classifier(["Softmax"])
    var single = graph
    single.inputs[0].shape?[0] = .fixed(1)
    let expected = try model(graph).plan.values["f"]?.quantizer
    #expect(
      try model(graph, order: { (7 * $0 + 3) % count }).plan.values["f"]?.quantizer == expected)
    #expect(try model(single).plan.values["f"]?.quantizer == expected)
  }

  /// What a convolution gives is quantized itself, and is followed through what moves values.
  @Test func logitsThatAreQuantized() throws {
    var graph = classifier(["Softmax"])
    graph.nodes[4] = Node(name: "head", "Conv", inputs: ["p", "k", "b"], outputs: ["g"])
    graph.nodes[3] = Node("Flatten", inputs: ["g"], outputs: ["logits"])
    graph.nodes.swapAt(3, 4)
    graph.initializers["k"] = weights([5, 6, 1, 1], seed: 3)
    let model = try model(graph)
    #expect(model.plan.values["g"]?.method == .crossEntropy)
    #expect(model.plan.values["p"]?.method == .mse)
  }

  @Test func whatIsNoClassifierKeepsLeastSquares() throws {
    func warning(_ graph: Graph) throws -> String? {
      try model(graph).plan.warnings.first { $0.hasPrefix("crossentropy: all ranges are those") }
    }
    var picture = classifier([])
    picture.outputs[0].name = "r"
    #expect(try warning(picture)?.contains("is not a vector of classes") == true)
    var two = classifier([])
    two.outputs.append(ValueInfo(name: "r", elementType: .float32))
    #expect(try warning(two)?.contains("the model has 2 outputs, 0 of a Softmax") == true)
    #expect(try warning(classifier(["Tanh"]))?.contains("(Tanh) lies between") == true)
    #expect(throws: SettingsError.self) { try model(classifier([]), replays: false) }
    var settings = QuantizationSettings()
    settings.weights.range = .crossEntropy
    #expect(throws: SettingsError.self) { try settings.validate() }
    settings.weights.range = nil
    settings.activations.range = .crossEntropy
    try settings.validate()
    settings.scales = .powerOfTwo
    settings.improvements = []
    #expect(throws: SettingsError.self) { try settings.validate() }
  }

  @Test func divergencesOfKnownProbabilities() {
    let even = LogSoftmax([0, 0])
    #expect(even.divergence(of: LogSoftmax([1000, 1000])) == 0)
    // ln 2 of 2 classes against certainty about one, whose other probability is e^-100.
    let certain = LogSoftmax([100, 0])
    #expect(abs(certain.divergence(of: even) - log(2)) < 0x1p-50)
    #expect(abs(even.divergence(of: certain) - (50 - log(2))) < 0x1p-46)
  }
}
