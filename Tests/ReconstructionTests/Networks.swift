import Calibration
import Graph
import Operations
import PostTraining
import Quantization
@testable import Reconstruction
import Tensors
import TestNetworks

/// What tests of reconstruction learn on.
enum Networks {
  static func value(_ name: String, _ shape: [Int]) -> ValueInfo {
    ValueInfo(
      name: name, elementType: .float32, shape: [.symbolic("N")] + shape.map(Dimension.fixed))
  }

  private static func convolution(
    _ name: String, _ input: String, _ output: String, groups: Int = 1
  ) -> Node {
    Node(
      name: name, "Conv", inputs: [input, "\(name).w", "\(name).b"], outputs: [output],
      attributes: [
        "kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "group": .int(groups),
      ])
  }

  /// x -> stem, Relu -> depthwise, Relu -> body, + (residual), Relu -> MaxPool -> Flatten -> head,
  /// Softmax -> y.
  static func residual(endsInSoftmax: Bool = false) -> Graph {
    let shapes: [(String, [Int])] = [
      ("stem.w", [4, 3, 3, 3]), ("stem.b", [4]), ("deep.w", [4, 1, 3, 3]), ("deep.b", [4]),
      ("body.w", [4, 4, 3, 3]), ("body.b", [4]), ("head.w", [5, 36]), ("head.b", [5]),
    ]
    let initializers = shapes.enumerated().map { ($1.0, weights($1.1, seed: $0 + 1)) }
    let end: [Node] =
      endsInSoftmax ? [Node(name: "softmax", "Softmax", inputs: ["h"], outputs: ["y"])] : []
    return Graph(
      name: "residual", opsets: ["": 13], inputs: [value("x", [3, 6, 6])],
      outputs: [value("y", [5])], initializers: Dictionary(uniqueKeysWithValues: initializers),
      nodes: [
        convolution("stem", "x", "a"), Node(name: "relu1", "Relu", inputs: ["a"], outputs: ["b"]),
        convolution("deep", "b", "c", groups: 4),
        Node(name: "relu2", "Relu", inputs: ["c"], outputs: ["d"]),
        convolution("body", "d", "e"),
        Node(name: "add", "Add", inputs: ["e", "b"], outputs: ["f"]),
        Node(name: "relu3", "Relu", inputs: ["f"], outputs: ["g"]),
        Node(
          name: "pool", "MaxPool", inputs: ["g"], outputs: ["p"],
          attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
        Node(name: "flatten", "Flatten", inputs: ["p"], outputs: ["q"]),
        Node(
          name: "head", "Gemm", inputs: ["q", "head.w", "head.b"],
          outputs: [endsInSoftmax ? "h" : "y"], attributes: ["transB": .int(1)]),
      ] + end)
  }

  /// Convolutions in a row, each with a Relu; the second and the fourth are depthwise.
  static func chain() -> Graph {
    var nodes: [Node] = []
    var initializers: [String: Tensor] = [:]
    for number in 0..<6 {
      let isDepthwise = number == 1 || number == 3
      nodes += [
        convolution(
          "c\(number)", number == 0 ? "x" : "r\(number - 1)", "v\(number)",
          groups: isDepthwise ? 4 : 1),
        Node(name: "relu\(number)", "Relu", inputs: ["v\(number)"], outputs: ["r\(number)"]),
      ]
      let channels = number == 0 ? 3 : isDepthwise ? 1 : 4
      initializers["c\(number).w"] = weights([4, channels, 3, 3], seed: 10 + number)
      initializers["c\(number).b"] = weights([4], seed: 20 + number)
    }
    return Graph(
      name: "chain", opsets: ["": 13], inputs: [value("x", [3, 6, 6])],
      outputs: [value("r5", [4, 6, 6])], initializers: initializers, nodes: nodes)
  }

  static func sample(_ number: Int) -> CalibrationSample {
    let noise = weights([3, 6, 6], seed: number &* 17 &+ 3).array(of: Float.self)
    let values = noise.indices.map { place in
      noise[place] + Float((place / 36 + place % 6 * number) % 5) / 5
    }
    return CalibrationSample(
      inputs: ["x": Tensor(values, shape: [1, 3, 6, 6])], name: "sample \(number)")
  }

  static let replay = CalibrationReplay(count: 12, sample: sample)

  /// A model of 8 levels for weights and 16 for activations.
  static func model(
    _ graph: Graph, _ pass: Improvement, _ change: (inout QuantizationSettings) -> Void = { _ in }
  ) throws -> QuantizedModel {
    let some = settings(weights: 8, activations: 16) {
      $0.weights.range = .mse
      $0.activations.range = .mse
      $0.improvements = [pass]
      change(&$0)
    }
    let prepared = try graph.preparedForQuantization()
    let plan = try QuantizationPlan(prepared, settings: some)
    var calibrator = try Calibrator(
      prepared, observing: plan.observedValues, on: ReferenceBackend.shared)
    try calibrator.add((0..<replay.count).map(sample))
    let seen = try calibrator.observations(of: .init(data: "samples", sampleCount: replay.count))
    return try QuantizedModel(
      prepared, histograms: seen.histograms, settings: some, on: ReferenceBackend.shared)
  }

  /// The network that a model's units are cut from.
  static func network(_ model: QuantizedModel, batch: Int = 4) throws -> ReconstructedNetwork {
    try ReconstructedNetwork(model, batch: batch, sample: sample(0).inputs)
  }
}
