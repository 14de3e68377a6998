import Graph
import ONNX
import Tensors

/// Small models that the tests write.
enum Models {
  /// `logits = x * weights + bias`: three classes of four values; class c wins where x[c] is largest.
  static var classifier: Graph {
    let weights: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    return Graph(
      name: "classifier", opsets: ["": 17],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.symbolic("N"), .fixed(4)])],
      outputs: [
        ValueInfo(name: "logits", elementType: .float32, shape: [.symbolic("N"), .fixed(3)])
      ],
      initializers: [
        "weights": Tensor(weights, shape: [4, 3]), "bias": Tensor([0, 0, 0] as [Float]),
      ],
      nodes: [Node(name: "fc", "Gemm", inputs: ["x", "weights", "bias"], outputs: ["logits"])])
  }

  /// A chain of convolutions that takes long enough to be interrupted.
  static func deep(layers: Int, channels: Int, side: Int) -> Graph {
    var graph = Graph(
      name: "deep", opsets: ["": 17],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("N"), .fixed(channels), .fixed(side), .fixed(side)])
      ],
      outputs: [ValueInfo(name: "y\(layers)", elementType: .float32)])
    let count = channels * channels * 9
    let weights = (0..<count).map { Float(($0 * 37) % 101 - 50) / Float(50 * channels) }
    for layer in 0..<layers {
      graph.initializers["w\(layer)"] = Tensor(weights, shape: [channels, channels, 3, 3])
      graph.nodes.append(
        Node(
          name: "conv\(layer)", "Conv", inputs: [layer == 0 ? "x" : "y\(layer)", "w\(layer)"],
          outputs: ["y\(layer + 1)"], attributes: ["pads": .ints([1, 1, 1, 1])]))
    }
    return graph
  }

  /// Convolutions whose values have many sizes, which is what makes a heap keep holes.
  static func tapered(channels: [Int], side: Int) -> Graph {
    var graph = Graph(
      name: "tapered", opsets: ["": 17],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("N"), .fixed(channels[0]), .fixed(side), .fixed(side)])
      ],
      outputs: [ValueInfo(name: "y\(channels.count - 2)", elementType: .float32)])
    var value = "x"
    for (layer, (from, to)) in zip(channels, channels.dropFirst()).enumerated() {
      let weights = (0..<(to * from * 9)).map { Float(($0 * 37) % 101 - 50) / Float(50 * from) }
      graph.initializers["w\(layer)"] = Tensor(weights, shape: [to, from, 3, 3])
      let stride = layer % 2 == 0 ? 1 : 2
      graph.nodes += [
        Node(
          name: "conv\(layer)", "Conv", inputs: [value, "w\(layer)"], outputs: ["c\(layer)"],
          attributes: ["pads": .ints([1, 1, 1, 1]), "strides": .ints([stride, stride])]),
        Node(name: "relu\(layer)", "Relu", inputs: ["c\(layer)"], outputs: ["y\(layer)"]),
      ]
      value = "y\(layer)"
    }
    return graph
  }

  /// Operators with attributes, shapes and integers as constants: much that damage can hit.
  static var mixed: Graph {
    Graph(
      name: "mixed", opsets: ["": 17],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.symbolic("N"), .fixed(4)])],
      outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: [
        "image": Tensor([-1, 1, 2, 2] as [Int64]), "flat": Tensor([0, -1] as [Int64]),
        "kernel": Tensor((0..<8).map { Float($0) / 4 - 1 }, shape: [2, 1, 2, 2]),
        "bias": Tensor([0.5, -0.5] as [Float]), "axes": Tensor([1] as [Int64]),
        "begin": Tensor([1] as [Int64]), "end": Tensor([7] as [Int64]),
        "codes": Tensor((0..<6).map { Int8($0 * 20 - 60) }, shape: [6]),
        "scale": Tensor(scalar: Float(0.01)), "zero": Tensor(scalar: Int8(3)),
      ],
      nodes: [
        Node(name: "toImage", "Reshape", inputs: ["x", "image"], outputs: ["i"]),
        Node(
          name: "conv", "Conv", inputs: ["i", "kernel", "bias"], outputs: ["c"],
          attributes: [
            "pads": .ints([0, 0, 1, 1]), "strides": .ints([1, 1]), "dilations": .ints([1, 1]),
            "group": .int(1), "kernel_shape": .ints([2, 2]),
          ]),
        Node(name: "relu", "Relu", inputs: ["c"], outputs: ["r"]),
        Node(name: "toRow", "Reshape", inputs: ["r", "flat"], outputs: ["f"]),
        Node(name: "cut", "Slice", inputs: ["f", "begin", "end", "axes"], outputs: ["s"]),
        Node(
          name: "decode", "DequantizeLinear", inputs: ["codes", "scale", "zero"], outputs: ["w"]),
        Node(name: "scaled", "Mul", inputs: ["s", "w"], outputs: ["m"]),
        Node(
          name: "chances", "Softmax", inputs: ["m"], outputs: ["y"], attributes: ["axis": .int(-1)]),
      ])
  }

  /// A file in which each of two nodes waits for the other; `ONNXWriter` would refuse it.
  static var cyclic: [UInt8] {
    func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
      [UInt8(number << 3 | 2), UInt8(bytes.count)] + bytes
    }
    func text(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
    func node(_ name: String, _ kind: String, _ inputs: [String], _ output: String) -> [UInt8] {
      field(1, inputs.flatMap { text(1, $0) } + text(2, output) + text(3, name) + text(4, kind))
    }
    func value(_ name: String) -> [UInt8] {
      let shape = field(2, field(1, [0x08, 1]) + field(1, [0x08, 4]))
      return text(1, name) + field(2, field(1, [0x08, 1] + shape))
    }
    let graph =
      node("first", "Add", ["x", "v"], "u") + node("second", "Relu", ["u"], "v")
      + node("third", "Relu", ["v"], "y") + text(2, "cyclic") + field(11, value("x"))
      + field(12, value("y"))
    return [0x08, 8] + field(7, graph) + field(8, [0x10, 17])
  }

  @discardableResult
  static func write(_ graph: Graph, _ name: String, in folder: TemporaryFolder) throws -> String {
    let path = "\(folder.path)/\(name)"
    try ONNXWriter.write(graph, to: path)
    return path
  }
}
