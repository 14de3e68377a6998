import Graph
import Operations
import PostTraining
import Quantization
import Tensors

/// Weights that look like weights: different in every place, the same in every run.
private func weights(_ shape: [Int], seed: UInt32) -> Tensor {
  var state = seed &* 2_654_435_761 &+ 12345
  return Tensor(
    (0..<shape.reduce(1, *)).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return (Float(state >> 8) / Float(1 << 24) - 0.5) / 2
    }, shape: shape)
}

/// Float networks that are small and have what quantized ones are made of.
enum Networks {
  /// x -> Conv (padded) -> Relu -> depthwise Conv (dilated) -> + (residual) -> grouped Conv -> Flatten ->
  /// Gemm -> y
  static var mixed: Graph {
    var graph = Graph(
      name: "mixed", opsets: ["": 17],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("N"), .fixed(3), .fixed(6), .fixed(6)])
      ], outputs: [ValueInfo(name: "y", elementType: .float32)])
    func layer(
      _ name: String, _ input: String, _ output: String, _ shape: [Int],
      _ attributes: [String: Attribute] = [:]
    ) {
      let seed = UInt32(graph.nodes.count + 1)
      graph.initializers["\(name).w"] = weights(shape, seed: seed)
      graph.initializers["\(name).b"] = weights([shape[0]], seed: seed + 100)
      graph.nodes.append(
        Node(
          name: name, shape.count == 2 ? "Gemm" : "Conv",
          inputs: [input, "\(name).w", "\(name).b"],
          outputs: [output], attributes: attributes))
    }
    layer("stem", "x", "a", [4, 3, 3, 3], ["pads": .ints([1, 1, 1, 1])])
    graph.nodes.append(Node(name: "relu", "Relu", inputs: ["a"], outputs: ["b"]))
    layer(
      "deep", "b", "c", [4, 1, 3, 3],
      ["pads": .ints([2, 2, 2, 2]), "dilations": .ints([2, 2]), "group": .int(4)])
    graph.nodes.append(Node(name: "add", "Add", inputs: ["c", "b"], outputs: ["d"]))
    layer("groups", "d", "e", [6, 2, 2, 3], ["group": .int(2), "strides": .ints([2, 1])])
    graph.nodes.append(Node(name: "flatten", "Flatten", inputs: ["e"], outputs: ["f"]))
    layer("head", "f", "y", [5, 6 * 3 * 4], ["transB": .int(1)])
    return graph
  }

  /// A product of two computed matrices between two layers.
  static var attention: Graph {
    var graph = Graph(
      name: "attention", opsets: ["": 17],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(4), .fixed(6)])],
      outputs: [ValueInfo(name: "y", elementType: .float32)])
    graph.initializers["left.w"] = weights([6, 8], seed: 1)
    graph.initializers["right.w"] = weights([6, 8], seed: 2)
    graph.nodes = [
      Node(name: "left", "MatMul", inputs: ["x", "left.w"], outputs: ["l"]),
      Node(name: "right", "MatMul", inputs: ["x", "right.w"], outputs: ["r"]),
      Node(
        name: "turn", "Transpose", inputs: ["r"], outputs: ["t"],
        attributes: ["perm": .ints([1, 0])]),
      Node(name: "product", "MatMul", inputs: ["l", "t"], outputs: ["y"]),
    ]
    return graph
  }
}

/// Settings with min-max ranges, which need no search, and without improvements.
func settings(
  weights: Int = 256, activations: Int = 256, target: Target = .ortCPU,
  _ change: (inout QuantizationSettings) -> Void = { _ in }
) -> QuantizationSettings {
  var settings = QuantizationSettings(
    weights: TensorSettings(levels: weights, range: .minmax),
    activations: TensorSettings(levels: activations, range: .minmax), target: target,
    improvements: [])
  change(&settings)
  return settings
}

/// `graph` quantized for made-up ranges: 0...3 behind a Relu, -2...2 elsewhere.
func quantized(_ graph: Graph, _ settings: QuantizationSettings) throws -> Graph {
  let plan = try QuantizationPlan(graph, settings: settings)
  let index = GraphIndex(graph)
  let histograms = plan.observedValues.map { name in
    let isPositive = index.writer[name].map { graph.nodes[$0].operatorType == "Relu" } ?? false
    let low: Float = isPositive ? 0 : -2
    return (
      name, Histogram((0...100).map { low + Float($0) * (2 - low + (isPositive ? 1 : 0)) / 100 })
    )
  }
  return try QuantizedModel(
    graph, histograms: Dictionary(uniqueKeysWithValues: histograms), settings: settings,
    on: ReferenceBackend.shared
  ).graph()
}
