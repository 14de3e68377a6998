import Datasets
import Files
import Glibc
import Graph
import Tensors

/// A small network with what quantizers must agree on: a residual connection, a depthwise
/// convolution, a concatenation, pools, clipping. Data are made up; everything is the same in every
/// run.
enum MixedNetwork {
  /// x [N, 3, 8, 8] -> logits [N, 5]
  static var graph: Graph {
    var graph = Graph(
      name: "mixed", opsets: ["": 13],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("N"), .fixed(3), .fixed(8), .fixed(8)])
      ],
      outputs: [
        ValueInfo(name: "logits", elementType: .float32, shape: [.symbolic("N"), .fixed(5)])
      ],
      initializers: [
        "low": Tensor(scalar: Float(0)), "high": Tensor(scalar: Float(6)),
        "head.w": numbers([5, 12], seed: 6), "head.b": numbers([5], seed: 106),
      ])
    graph.convolution("stem", "x", "a", [8, 3, 3, 3], seed: 1)
    graph.nodes.append(Node(name: "relu", "Relu", inputs: ["a"], outputs: ["b"]))
    graph.convolution("depthwise", "b", "c", [8, 1, 3, 3], groups: 8, seed: 2)
    graph.nodes.append(Node(name: "clip", "Clip", inputs: ["c", "low", "high"], outputs: ["d"]))
    graph.convolution("pointwise", "d", "e", [8, 8, 1, 1], seed: 3)
    graph.nodes += [
      Node(name: "add", "Add", inputs: ["e", "b"], outputs: ["f"]),
      Node(name: "relu2", "Relu", inputs: ["f"], outputs: ["g"]),
    ]
    graph.convolution("left", "g", "h", [4, 8, 1, 1], seed: 4)
    graph.convolution("right", "g", "i", [8, 8, 3, 3], seed: 5)
    graph.nodes += [
      Node(
        name: "concat", "Concat", inputs: ["h", "i"], outputs: ["j"], attributes: ["axis": .int(1)]),
      Node(
        name: "pool", "MaxPool", inputs: ["j"], outputs: ["k"],
        attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
      Node(name: "mean", "GlobalAveragePool", inputs: ["k"], outputs: ["l"]),
      Node(name: "flatten", "Flatten", inputs: ["l"], outputs: ["m"]),
      Node(
        name: "head", "Gemm", inputs: ["m", "head.w", "head.b"], outputs: ["logits"],
        attributes: ["transB": .int(1)]),
    ]
    return graph
  }

  /// Writes `count` labelled samples.
  static func writeData(_ count: Int, to path: String) throws {
    let samples = numbers([count, 3, 8, 8], seed: 9)
    let labels = Tensor((0..<count).map { Int64($0 % 5) })
    try NumPyFile.writeArchive(["x": samples, "labels": labels], to: path, overwrite: true)
  }

  /// Numbers between -0.5 and 0.5.
  static func numbers(_ shape: [Int], seed: UInt32) -> Tensor {
    var state = seed &* 2_654_435_761 &+ 12345
    let values = (0..<shape.reduce(1, *)).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) / Float(1 << 24) - 0.5
    }
    return Tensor(values, shape: shape)
  }
}

extension Graph {
  fileprivate mutating func convolution(
    _ name: String, _ input: String, _ output: String, _ shape: [Int], groups: Int = 1, seed: UInt32
  ) {
    initializers["\(name).w"] = MixedNetwork.numbers(shape, seed: seed)
    initializers["\(name).b"] = MixedNetwork.numbers([shape[0]], seed: seed + 100)
    let pad = shape[2] / 2
    nodes.append(
      Node(
        name: name, "Conv", inputs: [input, "\(name).w", "\(name).b"], outputs: [output],
        attributes: ["group": .int(groups), "pads": .ints([pad, pad, pad, pad])]))
  }
}

/// The network and 24 samples in a folder, and commands on them.
struct MixedFolder {
  let folder = TemporaryFolder()
  let model: String
  let data: String

  init() throws {
    model = try Models.write(MixedNetwork.graph, "m.onnx", in: folder)
    data = "\(folder.path)/data.npz"
    try MixedNetwork.writeData(24, to: data)
  }

  /// Runs `qtool` on the device that the machine offers, with the drivers and the caches of compiled
  /// kernels that the tests were given.
  func onDevice(_ arguments: [String]) -> Outcome {
    var environment = ["LOWBIT_DEVICE": "auto"]
    for name in [
      "HOME", "LOWBIT_CACHE", "XDG_CACHE_HOME", "POCL_CACHE_DIR", "OCL_ICD_VENDORS",
      "OCL_ICD_FILENAMES", "OPENCL_VENDOR_PATH",
    ] {
      if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    return Command(arguments, in: folder, environment: environment).wait()
  }

  func onReference(_ arguments: [String]) -> Outcome { Command(arguments, in: folder).wait() }

  /// The bytes of the file that `qtool quantize` writes.
  func quantized(
    _ options: [String], data: String? = nil, name: String = "q.onnx",
    by run: ([String]) -> Outcome
  ) -> [UInt8] {
    let source = data.map { ["--data", $0] } ?? []
    let outcome = run(
      ["quantize", model, "-o", "\(folder.path)/\(name)", "--overwrite"] + source + options)
    return outcome.status == 0 ? folder.bytes(name) : []
  }
}
