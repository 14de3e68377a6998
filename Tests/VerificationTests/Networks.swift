import Graph
import PostTraining
import Tensors
import TestNetworks

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
      let seed = graph.nodes.count + 1
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

/// `graph` quantized for made-up ranges: 0...3 behind a Relu, -2...2 elsewhere.
func quantized(_ graph: Graph, _ settings: QuantizationSettings) throws -> Graph {
  let index = GraphIndex(graph)
  return try quantized(graph, settings) { name in
    let isPositive = index.writer[name].map { graph.nodes[$0].operatorType == "Relu" } ?? false
    return isPositive ? 0...3 : -2...2
  }.graph()
}
