import Graph
import Tensors
import Video

/// A small filter on codes, and pictures for it.
enum FilterNetwork {
  /// Two convolutions whose result is added to the picture; samples are from 0 to 1.
  static var graph: Graph {
    func value(_ name: String) -> ValueInfo {
      ValueInfo(
        name: name, elementType: .float32,
        shape: [.fixed(1), .fixed(1), .symbolic("H"), .symbolic("W")])
    }
    return Graph(
      name: "filter", opsets: ["": 21, "com.microsoft": 1], inputs: [value("x")],
      outputs: [value("y")],
      initializers: [
        "x_scale": Tensor(scalar: Float(1) / 255), "x_zero": Tensor(scalar: UInt8(0)),
        "a_scale": Tensor(scalar: Float(0.008)), "a_zero": Tensor(scalar: UInt8(0)),
        "r_scale": Tensor(scalar: Float(0.002)), "r_zero": Tensor(scalar: UInt8(128)),
        "w0": Tensor((0..<18).map { Int8(($0 * 37 + 11) % 41 + 10) }, shape: [2, 1, 3, 3]),
        "w0_scale": Tensor([0.003, 0.004] as [Float]),
        "w0_zero": Tensor([0, 0] as [Int8]), "b0": Tensor([100, -200] as [Int32]),
        "w1": Tensor((0..<18).map { Int8(($0 * 29 + 7) % 31 - 15) }, shape: [1, 2, 3, 3]),
        "w1_scale": Tensor([0.001] as [Float]), "w1_zero": Tensor([0] as [Int8]),
        "b1": Tensor([0] as [Int32]),
      ],
      nodes: [
        Node(name: "q", "QuantizeLinear", inputs: ["x", "x_scale", "x_zero"], outputs: ["xq"]),
        Node(
          name: "conv0", "QLinearConv",
          inputs: [
            "xq", "x_scale", "x_zero", "w0", "w0_scale", "w0_zero", "a_scale", "a_zero", "b0",
          ], outputs: ["a"], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(
          name: "conv1", "QLinearConv",
          inputs: [
            "a", "a_scale", "a_zero", "w1", "w1_scale", "w1_zero", "r_scale", "r_zero", "b1",
          ], outputs: ["c"], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(
          name: "sum", "QLinearAdd", domain: "com.microsoft",
          inputs: ["c", "r_scale", "r_zero", "xq", "x_scale", "x_zero", "x_scale", "x_zero"],
          outputs: ["s"]),
        Node(name: "dq", "DequantizeLinear", inputs: ["s", "x_scale", "x_zero"], outputs: ["y"]),
      ])
  }

  static func picture(_ seed: Int, width: Int = 24, height: Int = 16) -> Picture {
    let count = Picture.sampleCount(width: width, height: height)
    return Picture(
      width: width, height: height,
      samples: (0..<count).map { UInt8(truncatingIfNeeded: 60 + ($0 * $0 / 9 + seed * 31) % 120) })
  }
}
