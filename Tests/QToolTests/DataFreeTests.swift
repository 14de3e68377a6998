import Graph
import ONNX
import Tensors
import Testing

/// `qtool quantize` without data.
@Suite struct DataFreeTests {
  let folder = TemporaryFolder()
  let model: String

  init() throws { model = try Models.write(Self.graph, "n.onnx", in: folder) }

  /// x -> Conv -> BatchNormalization -> Relu -> Conv of 1 x 1 -> BatchNormalization -> Relu ->
  /// GlobalAveragePool -> Flatten -> Gemm -> logits
  private static var graph: Graph {
    var graph = Graph(
      name: "normalized", opsets: ["": 17],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("N"), .fixed(3), .fixed(8), .fixed(8)])
      ],
      outputs: [ValueInfo(name: "logits", elementType: .float32)],
      initializers: [
        "w1": MixedNetwork.numbers([4, 3, 3, 3], seed: 1),
        "w2": MixedNetwork.numbers([6, 4, 1, 1], seed: 2),
        "head": MixedNetwork.numbers([5, 6], seed: 3),
      ],
      nodes: [
        Node(name: "conv1", "Conv", inputs: ["x", "w1"], outputs: ["a"]),
        Node(name: "relu1", "Relu", inputs: ["b"], outputs: ["c"]),
        Node(name: "conv2", "Conv", inputs: ["c", "w2"], outputs: ["d"]),
        Node(name: "relu2", "Relu", inputs: ["e"], outputs: ["f"]),
        Node(name: "mean", "GlobalAveragePool", inputs: ["f"], outputs: ["g"]),
        Node(name: "flatten", "Flatten", inputs: ["g"], outputs: ["h"]),
        Node(
          name: "head", "Gemm", inputs: ["h", "head"], outputs: ["logits"],
          attributes: ["transB": .int(1)]),
      ])
    graph.normalize("a", "b", channels: 4, shift: 20, at: 1)
    graph.normalize("d", "e", channels: 6, shift: 1, at: 4)
    return graph
  }

  private func quantize(_ options: [String], name: String = "q.onnx") -> Outcome {
    Command(
      ["quantize", model, "-o", "\(folder.path)/\(name)", "--overwrite"] + options, in: folder
    ).wait()
  }

  /// The file, the report and the page say that there were no data, and from what ranges come instead.
  @Test func whatWasDoneIsStamped() throws {
    let outcome = quantize([
      "--data-free", "--input-range", "-1:1", "--improve", "cle,absorb,squant,gain,analytic-bias",
      "--report", "\(folder.path)/q.html",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let source =
      "no data: BatchNorm statistics of 2 layers, ranges of 6.0 deviations about the mean"
    #expect(outcome.output.contains("calibrated on: \(source)"), "\(outcome.output)")
    #expect(outcome.output.contains("absorb: 4 channels between 1 pairs"), "\(outcome.output)")
    #expect(!outcome.errors.contains("only 0 samples"), "\(outcome.errors)")
    // The mean of the first layer's data is not known.
    #expect(outcome.output.contains("are not corrected: conv1"), "\(outcome.output)")
    let graph = try ONNXReader.read(path: "\(folder.path)/q.onnx")
    #expect(graph.metadata["qtool.data"] == "\(source)\ninputs from -1.0 to 1.0, as stated")
    #expect(graph.metadata["qtool.samples"] == "0")
    #expect(TemporaryFolder.text(of: "\(folder.path)/q.html").contains(source))
    let report = Command(
      ["report", "\(folder.path)/q.onnx", "-o", "\(folder.path)/r.html"], in: folder
    ).wait()
    #expect(report.status == 0, "\(report.errors)")
    #expect(TemporaryFolder.text(of: "\(folder.path)/r.html").contains(source))
    let run = Command(
      ["evaluate", "\(folder.path)/q.onnx", "--data", "random:4", "--reference", model], in: folder
    ).wait()
    #expect(run.status == 0, "\(run.errors)")
  }

  /// Ranges reach as many deviations as are asked for: for the first Relu from 0 to shift + n scale.
  @Test func rangesReachSoManyDeviations() throws {
    for (options, reach) in [([], Float(6)), (["--deviations", "3"], 3)] {
      let outcome = quantize(
        ["--data-free", "--input-range=0:1", "--improve", "none", "--target", "qdq"] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let graph = try ONNXReader.read(path: "\(folder.path)/q.onnx")
      let node = try #require(
        graph.nodes.first { $0.operatorType == "QuantizeLinear" && $0.inputs[0] == "c" })
      let scale = try #require(graph.initializers[node.inputs[1]]?.array(of: Float.self).first)
      // The last channel has the shift 20 + 3 and the scale 4.
      #expect(abs(scale - (23 + 4 * reach) / 255) <= scale.ulp * 4)
    }
  }

  @Test func whatNeedsDataIsRefused() {
    let unknown = quantize(["--data-free"])
    #expect(
      unknown.status == 2
        && unknown.errors.contains("nothing is known of the input 'x': "), "\(unknown.errors)")
    for (options, reason) in [
      (["--range", "percentile"], "--range percentile"),
      (["--improve", "gptq"], "gptq needs data"),
      (["--improve", "bias"], "without, it is 'analytic-bias'"),
      (["--data", "random:2"], "one of --data, --stats and --data-free"),
      (["--allow-nonfinite"], "--allow-nonfinite"), (["--deviations", "0"], "above 0"),
    ] {
      let outcome = quantize(["--data-free", "--input-range", "0:1"] + options, name: "r.onnx")
      #expect(
        outcome.status == 2 && outcome.errors.contains(reason), "\(options): \(outcome.errors)")
    }
    for range in ["1:0", "0", "a:b", "0:inf"] {
      let outcome = quantize(["--data-free", "--input-range", range], name: "r.onnx")
      #expect(
        outcome.status == 2 && outcome.errors.contains("--input-range \(range)"),
        "\(outcome.errors)")
    }
    let idle = quantize(["--data", "random:2", "--input-range", "0:1"], name: "r.onnx")
    #expect(idle.status == 2 && idle.errors.contains("--input-range is for --data-free"))
    #expect(!folder.names.contains("r.onnx"))
  }

  /// With data, biases can be corrected by normalizations all the same, but not twice.
  @Test func analyticCorrectionWithData() {
    let outcome = quantize(["--data", "random:40", "--improve", "absorb,analytic-bias"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("are not corrected: conv1"), "\(outcome.output)")
    let twice = quantize(["--data", "random:2", "--improve", "bias,analytic-bias"])
    #expect(twice.status == 2 && twice.errors.contains("'bias' and 'analytic-bias'"))
    let search = Command(
      [
        "search", model, "--data", "random:2", "--budget", "bytes", "--improve", "absorb",
      ], in: folder
    ).wait()
    #expect(search.status == 2 && search.errors.contains("--improve absorb"), "\(search.errors)")
  }
}

extension Graph {
  /// Inserts a normalization of made-up statistics.
  fileprivate mutating func normalize(
    _ input: String, _ output: String, channels: Int, shift: Float, at place: Int
  ) {
    let numbers = (0..<channels).map(Float.init)
    initializers["\(output).scale"] = Tensor(numbers.map { $0 + 1 })
    initializers["\(output).shift"] = Tensor(numbers.map { $0 + shift })
    initializers["\(output).mean"] = Tensor(numbers.map { $0 / 8 })
    initializers["\(output).variance"] = Tensor(numbers.map { $0 / 4 + 1 })
    nodes.insert(
      Node(
        "BatchNormalization",
        inputs: [input] + ["scale", "shift", "mean", "variance"].map { "\(output).\($0)" },
        outputs: [output], attributes: ["epsilon": .float(0)]), at: place)
  }
}
