import Execution
import Graph
import Operations
import PostTraining
import Tensors
import Testing
import Training

/// A network, data and settings for tests of sessions: three classes of 8 x 8 images of a bright
/// quarter.
enum Quarters {
  static let batch = 6

  /// conv1 -> Relu -> MaxPool -> conv2 -> + its input -> Relu -> Flatten -> head
  static var network: Graph {
    func weights(_ shape: [Int], seed: Int) -> Tensor {
      var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 12345)
      let values = (0..<shape.reduce(1, *)).map { _ -> Float in
        state = state &* 1_664_525 &+ 1_013_904_223
        return (Float(state >> 8) / Float(1 << 24) - 0.5) * 0.8
      }
      return Tensor(values, shape: shape)
    }
    return Graph(
      opsets: ["": 21],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("n"), .fixed(1), .fixed(8), .fixed(8)])
      ], outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: [
        "w1": weights([5, 1, 3, 3], seed: 1), "b1": weights([5], seed: 2),
        "w2": weights([5, 5, 3, 3], seed: 3), "b2": weights([5], seed: 4),
        "w3": weights([3, 80], seed: 5), "b3": weights([3], seed: 6),
      ],
      nodes: [
        Node(
          name: "conv1", "Conv", inputs: ["x", "w1", "b1"], outputs: ["c1"],
          attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node("Relu", inputs: ["c1"], outputs: ["r1"]),
        Node(
          "MaxPool", inputs: ["r1"], outputs: ["p1"],
          attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
        Node(
          name: "conv2", "Conv", inputs: ["p1", "w2", "b2"], outputs: ["c2"],
          attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node("Add", inputs: ["c2", "p1"], outputs: ["s2"]),
        Node("Relu", inputs: ["s2"], outputs: ["r2"]),
        Node("Flatten", inputs: ["r2"], outputs: ["f"]),
        Node(
          name: "head", "Gemm", inputs: ["f", "w3", "b3"], outputs: ["y"],
          attributes: ["transB": .int(1)]),
      ])
  }

  /// conv1 -> Relu -> MaxPool -> Flatten -> head -> Softmax
  static var shallowNetwork: Graph {
    var graph = network
    for name in ["w2", "b2"] { graph.initializers[name] = nil }
    graph.nodes.removeSubrange(3..<6)
    graph.nodes[3].inputs = ["p1"]
    graph.nodes[4].outputs = ["l"]
    graph.nodes.append(Node("Softmax", inputs: ["l"], outputs: ["y"]))
    return graph
  }

  /// The same as ``network`` with a normalization behind each convolution, one of whose factors is negative.
  static var normalizedNetwork: Graph {
    var graph = network
    for (number, output) in [(0, "c1"), (3, "c2")] {
      graph.nodes[number].outputs = ["\(output) raw"]
      let names = ["scale", "shift", "mean", "variance"].map { "\(output) \($0)" }
      for (place, name) in names.enumerated() {
        graph.initializers[name] = Tensor(
          (0..<5).map { channel -> Float in
            let value = Float((channel * 3 + place * 2 + number) % 7 + 1) / 4
            return place == 0 && channel == 2 ? -value : value
          })
      }
      graph.nodes.append(
        Node("BatchNormalization", inputs: ["\(output) raw"] + names, outputs: [output]))
    }
    return graph
  }

  static func samples(_ number: Int) -> (x: Tensor, target: Tensor) {
    let classes = (0..<batch).map { ($0 + number) % 3 }
    let pixels = classes.enumerated().flatMap { sample, kind in
      (0..<64).map { pixel -> Float in
        let noise = Float((pixel * 29 + sample * 13 + number * 7) % 17) / 34
        let isBright = pixel / 8 / 4 == kind / 2 && pixel % 8 / 4 == kind % 2
        return isBright ? 1 : noise
      }
    }
    let targets = classes.flatMap { kind in (0..<3).map { $0 == kind ? Float(1) : 0 } }
    return (Tensor(pixels, shape: [batch, 1, 8, 8]), Tensor(targets, shape: [batch, 3]))
  }

  static let calibration = (0..<4).map { ["x": samples($0).x] }

  /// The outputs of a network for samples that no step has seen.
  static func outputs(of graph: Graph, number: Int = 100) throws -> [Float] {
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    let results = try executor.run(["x": samples(number).x])
    return results["y"]?.array(of: Float.self) ?? []
  }

  /// `levels` levels everywhere but in the first and last layers, which have 256.
  static func settings(
    _ schedule: Schedule, levels: Int = 4,
    _ change: (inout QuantizedTrainingSettings) -> Void = { _ in }
  ) -> QuantizedTrainingSettings {
    var settings = QuantizedTrainingSettings(
      quantization: QuantizationSettings(
        weights: TensorSettings(levels: levels), activations: TensorSettings(levels: levels),
        borderLevels: 256, improvements: []),
      schedule: schedule)
    change(&settings)
    return settings
  }

  static func session<B: Backend>(
    _ settings: QuantizedTrainingSettings, of network: Graph = network,
    optimizer: Optimizer = Optimizer(.adam()), on backend: B
  ) throws -> QuantizedSession<B> {
    try QuantizedSession(
      network, settings: settings, batch: batch, loss: .crossEntropy, optimizer: optimizer,
      on: backend)
  }

  /// Trains through all stages: the loss is halved, and what is measured is what is written.
  static func expectTrainsAndWritesWhatItMeasures(_ settings: QuantizedTrainingSettings) throws {
    var session = try session(settings, on: ReferenceBackend.shared)
    let losses = try train(&session, steps: 60 / session.stages.count + 1)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2)
    let measured = try outputs(of: session.evaluatedModel())
    #expect(try measured == outputs(of: session.exportedModel()) && measured.count == 18)
  }

  /// Runs all stages of `steps` steps each; `check` is called after every step.
  static func train<B: Backend>(
    _ session: inout QuantizedSession<B>, steps: Int, rate: Float = 0.01,
    check: (QuantizedSession<B>, Int) throws -> Void = { _, _ in }
  ) throws -> [Float] {
    var losses: [Float] = []
    for stage in session.stages.indices {
      try session.begin(stage: stage, calibration: calibration)
      for _ in 0..<steps {
        let (x, target) = samples(losses.count)
        losses.append(try session.advance(["x": x], target: target, rate: rate).loss)
        try check(session, stage)
      }
    }
    return losses
  }
}
