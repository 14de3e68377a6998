import Graph
import PostTraining
import Quantization
import Tensors
import TestNetworks

func value(_ name: String, _ shape: [Int]) -> ValueInfo {
  ValueInfo(
    name: name, elementType: .float32, shape: [.symbolic("N")] + shape.map(Dimension.fixed))
}

/// A convolution of 3 x 3 with padding whose weights and bias are initializers `NAME.w`, `NAME.b`.
func convolution(_ name: String, _ input: String, _ output: String) -> Node {
  Node(
    name: name, "Conv", inputs: [input, "\(name).w", "\(name).b"], outputs: [output],
    attributes: ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])])
}

func parameters(_ name: String, _ output: Int, _ input: Int, seed: Int = 1) -> [String: Tensor] {
  [
    "\(name).w": weights([output, input, 3, 3], seed: seed),
    "\(name).b": weights([output], seed: seed + 100),
  ]
}

/// x -> Conv -> Relu -> Conv -> + (residual) -> Relu -> MaxPool -> Flatten -> Gemm -> y
func residualNetwork() -> Graph {
  var initializers = parameters("stem", 4, 3).merging(parameters("body", 4, 4, seed: 2)) { a, _ in a
  }
  initializers["head.w"] = weights([10, 4 * 4 * 4], seed: 3)
  initializers["head.b"] = weights([10], seed: 4)
  return Graph(
    name: "residual", opsets: ["": 13], inputs: [value("x", [3, 8, 8])],
    outputs: [value("y", [10])], initializers: initializers,
    nodes: [
      convolution("stem", "x", "a"), Node(name: "relu1", "Relu", inputs: ["a"], outputs: ["b"]),
      convolution("body", "b", "c"),
      Node(name: "add", "Add", inputs: ["c", "b"], outputs: ["d"]),
      Node(name: "relu2", "Relu", inputs: ["d"], outputs: ["e"]),
      Node(
        name: "pool", "MaxPool", inputs: ["e"], outputs: ["f"],
        attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
      Node(name: "flatten", "Flatten", inputs: ["f"], outputs: ["g"]),
      Node(
        name: "head", "Gemm", inputs: ["g", "head.w", "head.b"], outputs: ["y"],
        attributes: ["transB": .int(1)]),
    ])
}

/// Histograms of the range `-1...3` for every value that a plan asks for, or of others by name.
func histograms(
  _ plan: QuantizationPlan, _ ranges: [String: ClosedRange<Float>] = [:]
) -> [String: Histogram] {
  histograms(plan) { ranges[$0] ?? -1...3 }
}

/// Quantizes `graph` for these ranges.
func quantized(
  _ graph: Graph, _ settings: QuantizationSettings, ranges: [String: ClosedRange<Float>] = [:]
) throws -> QuantizedModel {
  try quantized(graph, settings) { ranges[$0] ?? -1...3 }
}

extension Graph {
  /// The node that writes `value`.
  func writer(of value: String) -> Node? { nodes.first { $0.outputs.contains(value) } }

  /// The only node that reads `value`.
  func reader(of value: String) -> Node? {
    let readers = nodes.filter { $0.inputs.contains(value) }
    return readers.count == 1 ? readers[0] : nil
  }

  /// How often each operator occurs.
  var census: [String: Int] {
    Dictionary(nodes.map { ($0.operatorType, 1) }, uniquingKeysWith: +)
  }

  func node(_ name: String) -> Node? { nodes.first { $0.name == name } }
}
