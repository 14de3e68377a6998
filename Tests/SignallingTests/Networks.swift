import Graph
import Tensors
import TestNetworks

/// Small quantized graphs, made up.
enum Networks {
  /// Two convolutions on codes, the second with 4-bit weights that are cast, a residual sum, and floats
  /// at both ends.
  static var convolutions: Graph {
    Graph(
      name: "filter", opsets: ["": 21, "com.microsoft": 1],
      inputs: [value("x", channels: 1)], outputs: [value("y", channels: 1)],
      initializers: [
        "x_scale": Tensor(scalar: Float(0.0078125)), "x_zero": Tensor(scalar: UInt8(3)),
        "a_scale": Tensor(scalar: Float(0.1)), "a_zero": Tensor(scalar: UInt8(128)),
        "y_scale": Tensor(scalar: Float(0.25)), "y_zero": Tensor(scalar: UInt8(0)),
        "w0": Tensor(codes(36), shape: [4, 1, 3, 3]),
        "w0_scale": Tensor([0.5, 0.25, 0.013, 1] as [Float]),
        "w0_zero": Tensor([0, 0, 0, 0] as [Int8]),
        "b0": Tensor([100, -100_000, 0, 7] as [Int32]),
        "w1": Tensor(codes(4).map { $0 >> 4 }, shape: [1, 4, 1, 1], as: .int4),
        "w1_scale": Tensor(scalar: Float(0.02)), "w1_zero": Tensor(scalar: Int8(0)),
      ],
      nodes: [
        Node(name: "q", "QuantizeLinear", inputs: ["x", "x_scale", "x_zero"], outputs: ["xq"]),
        Node(
          name: "conv0", "QLinearConv",
          inputs: [
            "xq", "x_scale", "x_zero", "w0", "w0_scale", "w0_zero", "a_scale", "a_zero", "b0",
          ], outputs: ["a"], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(
          name: "cast", "Cast", inputs: ["w1"], outputs: ["w1_int8"], attributes: ["to": .int(3)]),
        Node(
          name: "conv1", "QLinearConv",
          inputs: [
            "a", "a_scale", "a_zero", "w1_int8", "w1_scale", "w1_zero", "y_scale", "y_zero",
          ], outputs: ["c"]),
        Node(
          name: "sum", "QLinearAdd", domain: "com.microsoft",
          inputs: ["c", "y_scale", "y_zero", "xq", "x_scale", "x_zero", "y_scale", "y_zero"],
          outputs: ["s"]),
        Node(name: "dq", "DequantizeLinear", inputs: ["s", "y_scale", "y_zero"], outputs: ["y"]),
      ],
      metadata: [
        "qtool.requantization": "half-even float multiplier",
        "qtool.levels": "conv0=255x256\nconv1=15x256",
      ])
  }

  /// A filter of pictures of any size.
  static func filter(channels: Int = 1, gain: Float = 0.001) -> Graph {
    let inner = 4
    let kernel = codes(9 * inner * channels)
    var network = PictureFilterNetwork(
      kernels: [kernel, kernel],
      scales: [
        (0..<inner).map { 0.004 + Float($0) / 1000 }, Array(repeating: gain, count: channels),
      ], biases: [(0..<inner).map { Int32($0 * 2000 - 3000) }, nil],
      results: [(0.02, 120), (0.001, 128)])
    network.channels = channels
    return network.graph
  }

  /// The same with other numbers in all that is signalled.
  static func blank(_ graph: Graph, _ names: [String]) -> Graph {
    var graph = graph
    for name in names {
      guard let tensor = graph.initializers[name] else { continue }
      let zeros = [Int8](repeating: 0, count: tensor.count)
      graph.initializers[name] =
        switch tensor.elementType {
        case .float32: Tensor(repeating: Float(1), shape: tensor.shape)
        case .int32: Tensor(repeating: Int32(0), shape: tensor.shape)
        case .uint8: Tensor(repeating: UInt8(0), shape: tensor.shape)
        default: Tensor(zeros, shape: tensor.shape, as: tensor.elementType)
        }
    }
    return graph
  }

  static func value(_ name: String, channels: Int) -> ValueInfo {
    ValueInfo(
      name: name, elementType: .float32,
      shape: [.fixed(1), .fixed(channels), .fixed(8), .fixed(8)])
  }

  static func codes(_ count: Int) -> [Int8] {
    (0..<count).map { Int8(($0 * 37 + 11) % 255 - 127) }
  }
}
