import Graph
import ONNX
import Tensors
import Testing

/// `qtool signal allocate` and `overfit`: from a float filter to an update in a stream.
@Suite struct SignalAdaptationTests {
  let folder = TemporaryFolder()

  private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  @discardableResult
  private func run(_ arguments: [String], status: Int32 = 0) -> Outcome {
    let outcome = Command(["signal"] + arguments, in: folder).wait()
    #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
    return outcome
  }

  /// A convolution whose result is added to the picture.
  private var float: Graph {
    func value(_ name: String) -> ValueInfo {
      ValueInfo(
        name: name, elementType: .float32,
        shape: [.fixed(1), .fixed(1), .symbolic("H"), .symbolic("W")])
    }
    let weights = (0..<9).map { Float(($0 * 7 + 3) % 9 - 4) / 60 }
    return Graph(
      name: "float", opsets: ["": 17], inputs: [value("x")], outputs: [value("y")],
      initializers: [
        "w": Tensor(weights, shape: [1, 1, 3, 3]), "b": Tensor([0.01] as [Float]),
      ],
      nodes: [
        Node(
          name: "conv", "Conv", inputs: ["x", "w", "b"], outputs: ["c"],
          attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(name: "sum", "Add", inputs: ["x", "c"], outputs: ["y"]),
      ])
  }

  /// Two pictures of 16 x 16, and what they were: a little brighter, so that a bias helps.
  private func write(_ name: String, offset: Int) {
    var bytes = Array("YUV4MPEG2 W16 H16 F25:1 C420\n".utf8)
    for picture in 0..<2 {
      bytes += Array("FRAME\n".utf8)
      bytes += (0..<384).map { UInt8(80 + ($0 * $0 / 5 + picture * 17) % 90 + offset) }
    }
    folder.write(bytes, name)
  }

  @Test func bitsThenMultipliersThenAStream() throws {
    let model = try Models.write(float, "float.onnx", in: folder)
    write("decoded.y4m", offset: 0)
    write("original.y4m", offset: 6)
    let pair = ["--pictures", path("decoded.y4m"), "--originals", path("original.y4m")]
    let bits = run(
      [
        "allocate", model, "--weight-bits", "8,4", "--activation-bits", "8", "--lambda", "1",
        "--json", "-o", path("base.onnx"),
      ] + pair)
    #expect(bits.output.contains("\"integerLayers\" : 1"), "\(bits.output)")
    #expect(bits.output.contains("\"measured\" : 2"))
    let found = run(
      [
        "overfit", path("base.onnx"), "--train", "both", "--epochs", "10", "--json", "-o",
        path("tuned.onnx"),
      ] + pair)
    #expect(found.output.contains("\"isUpdated\" : true"), "\(found.output)")
    run(["encode", path("base.onnx"), "-o", path("base.bit")])
    run(["encode", path("tuned.onnx"), "--base", path("base.onnx"), "-o", path("update.bit")])
    // What was charged is what is written.
    #expect(bits.output.contains("\"bytes\" : \(folder.bytes("base.bit").count),"))
    #expect(
      found.output.contains("\"updateBytes\" : \(folder.bytes("update.bit").count)"),
      "\(found.output)")
    #expect(folder.bytes("update.bit").count * 2 < folder.bytes("base.bit").count)
    folder.write(folder.bytes("base.bit") + folder.bytes("update.bit"), "both.bit")
    for stream in ["base", "both"] {
      run([
        "filter", path("\(stream).bit"), "--pictures", path("decoded.y4m"), "-o",
        path("\(stream).y4m"),
      ])
    }
    func error(_ name: String) -> Int {
      zip(folder.bytes(name), folder.bytes("original.y4m")).reduce(0) {
        $0 + (Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1))
      }
    }
    #expect(error("both.y4m") < error("base.y4m"))
    let dear = run(
      ["overfit", path("base.onnx"), "--epochs", "1", "--lambda", "1e12", "-o", path("no.onnx")]
        + pair)
    #expect(dear.output.contains("no update: it costs more than it gives"))
    #expect(try ONNXReader.read(path: path("no.onnx")) == ONNXReader.read(path: path("base.onnx")))
  }

  @Test func whatIsWrongIsNamed() throws {
    let model = try Models.write(float, "float.onnx", in: folder)
    write("decoded.y4m", offset: 0)
    let pair = ["--pictures", path("decoded.y4m"), "--originals", path("decoded.y4m")]
    let refused = run(["overfit", model, "-o", path("a.onnx")] + pair, status: 3)
    #expect(refused.errors.contains("float.onnx: "), "\(refused.errors)")
    run(["allocate", model, "--weight-bits", "16", "-o", path("a.onnx")] + pair, status: 2)
    run(["allocate", model, "--qp", "30", "--lambda", "1", "-o", path("a.onnx")] + pair, status: 2)
    folder.write(folder.bytes("decoded.y4m").dropLast(390).map { $0 }, "short.y4m")
    let short = ["--pictures", path("decoded.y4m"), "--originals", path("short.y4m")]
    run(["allocate", model, "--lambda", "1", "-o", path("a.onnx")] + short, status: 5)
    run(["allocate", model, "-o", path("a.onnx")] + pair, status: 2)
    #expect(!folder.names.contains("a.onnx"))
  }
}
