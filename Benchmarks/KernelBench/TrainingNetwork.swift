import Graph
import OperationCases
import Tensors

/// A network to be trained with fake quantization: 4 bits and one scale a filter for weights, 8 bits
/// for what a convolution or a product reads.
struct TrainingNetwork {
  /// The networks that are timed, by name.
  static let names = ["lenet-5", "resnet-20"]

  let name: String
  /// The shape of an image.
  let image: [Int]
  /// Multiplications with addition for one image, forward.
  private(set) var multiplications = 0
  private(set) var graph: Graph

  private var samples = SampleValues(seed: 23)
  /// The shape of what was computed last, without the batch, and its name.
  private var shape: [Int]
  private var last = "x"

  /// The network `name`, one of ``names``.
  init(_ name: String) {
    self.name = name
    let isLeNet = name == "lenet-5"
    image = isLeNet ? [1, 28, 28] : [3, 32, 32]
    shape = image
    graph = Graph(
      opsets: ["": 21, "lowbit": 1],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32, shape: [.symbolic("n")] + image.map { .fixed($0) })
      ])
    if isLeNet { addLeNet() } else { addResNet() }
    graph.outputs = [ValueInfo(name: last, elementType: .float32)]
  }

  /// LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition",
  /// 1998, with ReLU and maximum pools.
  private mutating func addLeNet() {
    convolve(6, kernel: 5, pad: 2)
    add("Relu")
    halve()
    convolve(16, kernel: 5, pad: 0)
    add("Relu")
    halve()
    flatten()
    multiply(120)
    add("Relu")
    multiply(84)
    add("Relu")
    multiply(10)
  }

  /// He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016, section 4.2, with
  /// normalization folded into the convolutions and a convolution where a shortcut changes its shape.
  private mutating func addResNet() {
    convolve(16, kernel: 3, pad: 1)
    add("Relu")
    for (filters, stride) in [16, 32, 64].flatMap({ [($0, $0 == 16 ? 1 : 2), ($0, 1), ($0, 1)] }) {
      let (start, startShape) = (last, shape)
      convolve(filters, kernel: 3, stride: stride, pad: 1)
      add("Relu")
      convolve(filters, kernel: 3, pad: 1)
      let (main, mainShape) = (last, shape)
      (last, shape) = (start, startShape)
      if startShape != mainShape { convolve(filters, kernel: 1, stride: stride, pad: 0) }
      add("Add", [main, last])
      add("Relu")
    }
    add("GlobalAveragePool")
    shape = [shape[0], 1, 1]
    flatten()
    multiply(10)
  }

  // MARK: Layers

  private mutating func add(
    _ operatorType: String, domain: String = "", _ inputs: [String]? = nil,
    _ attributes: [String: Attribute] = [:]
  ) {
    let output = "v\(graph.nodes.count)"
    graph.nodes.append(
      Node(
        operatorType, domain: domain, inputs: inputs ?? [last], outputs: [output],
        attributes: attributes))
    last = output
  }

  private mutating func convolve(_ filters: Int, kernel: Int, stride: Int = 1, pad: Int) {
    let names = addWeights([filters, shape[0], kernel, kernel])
    add(
      "Conv", [quantized(), names.weights, names.bias],
      ["strides": .ints([stride, stride]), "pads": .ints([pad, pad, pad, pad])])
    let size = shape[1...].map { ($0 + 2 * pad - kernel) / stride + 1 }
    multiplications += filters * shape[0] * kernel * kernel * size.reduce(1, *)
    shape = [filters] + size
  }

  private mutating func multiply(_ filters: Int) {
    let names = addWeights([filters, shape[0]])
    add("Gemm", [quantized(), names.weights, names.bias], ["transB": .int(1)])
    multiplications += filters * shape[0]
    shape = [filters]
  }

  private mutating func halve() {
    add("MaxPool", nil, ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
    shape = [shape[0], shape[1] / 2, shape[2] / 2]
  }

  private mutating func flatten() {
    add("Flatten")
    shape = [shape.reduce(1, *)]
  }

  // MARK: Parameters

  /// What was computed last in 256 levels: of -1...1 for the input, of 0...2 for all else.
  private mutating func quantized() -> String {
    let isInput = last == "x"
    let scale = isInput ? 1 / Float(127) : 2 / Float(255)
    graph.initializers["\(last).scale"] = Tensor(scalar: scale)
    graph.initializers["\(last).zero"] = Tensor(scalar: Int32(isInput ? 128 : 0))
    let source = last
    add(
      "FakeQuantize", domain: "lowbit", [source, "\(source).scale", "\(source).zero"],
      ["levels": .int(256)])
    let result = last
    last = source
    return result
  }

  /// Uniform weights whose products keep about the variance of what they multiply, in 16 levels, and
  /// a bias of 0.
  private mutating func addWeights(_ shape: [Int]) -> (weights: String, bias: String) {
    let name = "w\(graph.nodes.count)"
    let depth = shape[1...].reduce(1, *)
    let largest = (3 / Float(depth)).squareRoot()
    let values = samples.floats(shape).array(of: Float.self).map { $0 * largest }
    graph.initializers[name] = Tensor(values, shape: shape)
    graph.initializers["\(name).bias"] = Tensor(repeating: Float(0), shape: [shape[0]])
    graph.initializers["\(name).scale"] = Tensor(repeating: largest / 7, shape: [shape[0]])
    graph.initializers["\(name).zero"] = Tensor(repeating: Int32(8), shape: [shape[0]])
    graph.nodes.append(
      Node(
        "FakeQuantize", domain: "lowbit", inputs: [name, "\(name).scale", "\(name).zero"],
        outputs: ["\(name).quantized"], attributes: ["levels": .int(16), "axis": .int(0)]))
    return ("\(name).quantized", "\(name).bias")
  }
}
