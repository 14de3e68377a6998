public import Graph
import Tensors

/// The numbers of a filter of pictures of any size: samples from 0 to 1 as 8-bit codes, two convolutions of
/// 3 x 3 on codes, and their result added to the picture.
public struct PictureFilterNetwork {
  /// Channels of the picture.
  public var channels = 1
  /// Kernels and scales of both convolutions, `int8` `[inner, channels, 3, 3]` and `[channels, inner, 3, 3]`.
  public var kernels: [[Int8]]
  /// One scale a filter.
  public var scales: [[Float]]
  /// Biases in the scale of sums; `nil` for none.
  public var biases: [[Int32]?]
  /// The quantizers of what both convolutions write.
  public var results: [(scale: Float, zeroPoint: UInt8)]

  /// A filter of one channel.
  public init(
    kernels: [[Int8]], scales: [[Float]], biases: [[Int32]?],
    results: [(scale: Float, zeroPoint: UInt8)]
  ) {
    self.kernels = kernels
    self.scales = scales
    self.biases = biases
    self.results = results
  }

  /// Nodes `q`, `conv0`, `conv1`, `sum` and `dq` from `x` to `y`, with the constants `x_`, `a_` and `r_scale`
  /// and `zero`, `w0`, `w0_scale`, `w0_zero`, `b0` and so on.
  public var graph: Graph {
    let inner = scales[0].count
    var constants: [String: Tensor] = [
      "x_scale": Tensor(scalar: Float(1) / 255), "x_zero": Tensor(scalar: UInt8(0)),
      "w0": Tensor(kernels[0], shape: [inner, channels, 3, 3]),
      "w1": Tensor(kernels[1], shape: [channels, inner, 3, 3]),
    ]
    for (place, name) in ["a", "r"].enumerated() {
      constants["\(name)_scale"] = Tensor(scalar: results[place].scale)
      constants["\(name)_zero"] = Tensor(scalar: results[place].zeroPoint)
      constants["w\(place)_scale"] = Tensor(scales[place])
      constants["w\(place)_zero"] = Tensor(repeating: Int8(0), shape: [scales[place].count])
      constants["b\(place)"] = biases[place].map { Tensor($0) }
    }
    return Graph(
      name: "filter", opsets: ["": 21, "com.microsoft": 1], inputs: [value("x")],
      outputs: [value("y")], initializers: constants,
      nodes: [
        Node(name: "q", "QuantizeLinear", inputs: ["x", "x_scale", "x_zero"], outputs: ["xq"]),
        convolution(0, from: "xq", by: "x", to: "a", as: "a"),
        convolution(1, from: "a", by: "a", to: "c", as: "r"),
        Node(
          name: "sum", "QLinearAdd", domain: "com.microsoft",
          inputs: ["c", "r_scale", "r_zero", "xq", "x_scale", "x_zero", "x_scale", "x_zero"],
          outputs: ["s"]),
        Node(name: "dq", "DequantizeLinear", inputs: ["s", "x_scale", "x_zero"], outputs: ["y"]),
      ])
  }

  private func value(_ name: String) -> ValueInfo {
    ValueInfo(
      name: name, elementType: .float32,
      shape: [.fixed(1), .fixed(channels), .symbolic("H"), .symbolic("W")])
  }

  private func convolution(
    _ number: Int, from input: String, by quantizer: String, to output: String, as result: String
  ) -> Node {
    let bias = biases[number] == nil ? [] : ["b\(number)"]
    return Node(
      name: "conv\(number)", "QLinearConv",
      inputs: [input, "\(quantizer)_scale", "\(quantizer)_zero"]
        + ["w\(number)", "w\(number)_scale", "w\(number)_zero"]
        + ["\(result)_scale", "\(result)_zero"] + bias,
      outputs: [output], attributes: ["pads": .ints([1, 1, 1, 1])])
  }
}
