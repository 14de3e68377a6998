import Graph
import ONNX
import Tensors
import Testing

/// `qtool signal`: a quantized model into a stream and out of it, in processes that share nothing.
@Suite struct SignalTests {
  let folder = TemporaryFolder()

  /// A convolution on codes between two videos' pictures of one channel.
  private var network: Graph {
    let shape: [Dimension] = [.fixed(1), .fixed(1), .fixed(8), .fixed(8)]
    return Graph(
      name: "filter", opsets: ["": 21],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: shape)],
      outputs: [ValueInfo(name: "y", elementType: .float32, shape: shape)],
      initializers: [
        "x_scale": Tensor(scalar: Float(0.0078125)), "x_zero": Tensor(scalar: UInt8(3)),
        "y_scale": Tensor(scalar: Float(0.3)), "y_zero": Tensor(scalar: UInt8(128)),
        "w": Tensor((0..<9).map { Int8($0 * 27 - 108) }, shape: [1, 1, 3, 3]),
        "w_scale": Tensor([0.013] as [Float]), "w_zero": Tensor([0] as [Int8]),
        "b": Tensor([-1234] as [Int32]),
      ],
      nodes: [
        Node(name: "q", "QuantizeLinear", inputs: ["x", "x_scale", "x_zero"], outputs: ["xq"]),
        Node(
          name: "conv", "QLinearConv",
          inputs: [
            "xq", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "b",
          ], outputs: ["c"], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(name: "dq", "DequantizeLinear", inputs: ["c", "y_scale", "y_zero"], outputs: ["y"]),
      ])
  }

  /// The same without the numbers that travel.
  private var topology: Graph {
    var graph = network
    for name in ["x_scale", "y_scale"] { graph.initializers[name] = Tensor(scalar: Float(1)) }
    for name in ["x_zero", "y_zero"] { graph.initializers[name] = Tensor(scalar: UInt8(0)) }
    graph.initializers["w"] = Tensor(repeating: Int8(0), shape: [1, 1, 3, 3])
    graph.initializers["w_scale"] = Tensor([1] as [Float])
    graph.initializers["b"] = Tensor([0] as [Int32])
    return graph
  }

  /// Two pictures of HEVC, as far as their NAL units go.
  private let video: [UInt8] = [
    0, 0, 0, 1, 0x40, 1, 7, 0, 0, 0, 1, 0x42, 1, 9, 0, 0, 1, 0x26, 1, 0x80, 5, 0, 0, 1, 0x02, 1,
    0x80, 6,
  ]

  private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  @discardableResult
  private func run(_ arguments: [String], status: Int32 = 0) -> Outcome {
    let outcome = Command(["signal"] + arguments, in: folder).wait()
    #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
    return outcome
  }

  @Test func aModelTravelsInAStream() throws {
    let model = try Models.write(network, "model.onnx", in: folder)
    let blank = try Models.write(topology, "topology.onnx", in: folder)
    let stream = folder.write(video, "video.hevc")
    let encoded = run(["encode", model, "-o", path("model.bit"), "--json"])
    #expect(encoded.output.contains("\"mode\" : \"half-even\""))
    run(["mux", model, stream, "-o", path("signalled.hevc")])
    let shown = run(["inspect", path("signalled.hevc"), "--json", "--units"]).output
    #expect(shown.contains("\"pictures\" : 2") && shown.contains("\"isOurs\" : true"))
    for source in ["model.bit", "signalled.hevc"] {
      run(["decode", path(source), "--base", blank, "-o", path("received.onnx"), "--overwrite"])
      #expect(try ONNXReader.read(path: path("received.onnx")) == ONNXReader.read(path: model))
    }
    #expect(run(["decode", path("model.bit"), "--json"]).output.contains("-108"))
    run(["strip", path("signalled.hevc"), "-o", path("stripped.hevc")])
    #expect(folder.bytes("stripped.hevc") == video)
  }

  @Test func messagesThatEndEarlyAreSaid() throws {
    let model = try Models.write(network, "model.onnx", in: folder)
    // Five pictures; IDR pictures 2 and 4 begin sequences.
    let idr: [UInt8] = [0, 0, 1, 0x26, 1, 0x80, 5]
    let trail: [UInt8] = [0, 0, 1, 0x02, 1, 0x80, 6]
    let stream = folder.write(video + idr + trail + idr, "video.hevc")
    func warnings(_ options: [String]) -> String {
      run(["mux", model, stream, "-o", path("out.hevc"), "--overwrite"] + options).errors
    }
    let two = warnings([])
    #expect(
      two.contains("network 0 ends at picture 2") && two.contains("2 sequences begin")
        && two.contains("--every-random-access"), "\(two)")
    let one = warnings(["--picture", "3"])
    #expect(one.contains("ends at picture 4") && one.contains("1 sequence begins"), "\(one)")
    for options in [["--picture", "4"], ["--every-random-access"]] {
      let none = warnings(options)
      #expect(!none.contains("ends at picture"), "\(none)")
    }
  }

  @Test func updatesAndTensorsElsewhere() throws {
    let model = try Models.write(network, "model.onnx", in: folder)
    var graph = network
    graph.initializers["b"] = Tensor([77] as [Int32])
    let tuned = try Models.write(graph, "tuned.onnx", in: folder)
    let stream = folder.write(video, "video.hevc")
    run(["mux", tuned, stream, "--base", model, "-o", path("early.hevc")], status: 5)
    run(["mux", model, stream, "-o", path("base.hevc")])
    run(["mux", model, path("base.hevc"), "-o", path("twice.hevc")], status: 2)
    run(["mux", tuned, path("base.hevc"), "--base", model, "--picture", "1", "-o", path("u.hevc")])
    run(["decode", path("u.hevc"), "--base", model, "-o", path("received.onnx")])
    #expect(try ONNXReader.read(path: path("received.onnx")) == ONNXReader.read(path: tuned))
    run([
      "encode", model, "--uri", "https://example.org/w.nnr", "--tensors", path("w.nnr"), "-o",
      path("away.bit"),
    ])
    run(["decode", path("away.bit"), "--base", model], status: 5)
    run(["decode", path("away.bit"), "--base", model, "--tensors", path("w.nnr")])
    #expect(run(["inspect", path("w.nnr")]).output.contains("L1.kernel"))
    // The file's tensors are those of the base, the update has its own.
    run([
      "mux", model, stream, "--uri", "https://example.org/w.nnr", "--tensors", path("b.nnr"), "-o",
      path("base-away.hevc"),
    ])
    run(["mux", tuned, path("base-away.hevc"), "--base", model, "-o", path("both.hevc")])
    run([
      "decode", path("both.hevc"), "--base", model, "--tensors", path("b.nnr"), "-o",
      path("both.onnx"),
    ])
    #expect(try ONNXReader.read(path: path("both.onnx")) == ONNXReader.read(path: tuned))
    // What is at a URI has the operators as well, so that no model is needed.
    let missing = run(["decode", path("both.hevc"), "-o", path("no.onnx")], status: 5)
    #expect(missing.errors.contains("at https://example.org/w.nnr"), "\(missing.errors)")
    run(["decode", path("both.hevc"), "--tensors", path("b.nnr"), "-o", path("alone.onnx")])
    // Base and update may both be elsewhere, each in a file of its own.
    run([
      "mux", tuned, path("base-away.hevc"), "--base", model, "--uri", "u=v", "--tensors",
      path("update.nnr"), "-o", path("far.hevc"),
    ])
    let unclear = run(["decode", path("far.hevc"), "--tensors", path("b.nnr")], status: 2)
    #expect(unclear.errors.contains("URI=FILE"), "\(unclear.errors)")
    run([
      "decode", path("far.hevc"), "--base", model, "--tensors", "u=v=" + path("update.nnr"),
      "--tensors", "https://example.org/w.nnr=" + path("b.nnr"), "-o", path("far.onnx"),
    ])
    #expect(try ONNXReader.read(path: path("far.onnx")) == ONNXReader.read(path: tuned))
    let refused = run(["decode", path("u.hevc"), "--tensors", path("b.nnr")], status: 2)
    #expect(refused.errors.contains("names a URI"), "\(refused.errors)")
    #expect(!folder.names.contains("early.hevc") && !folder.names.contains("twice.hevc"))
  }

  /// Decoder and encoder are processes that share a stream and nothing else: the model is gone.
  @Test func picturesAreFilteredFromTheStreamAlone() throws {
    let model = try Models.write(network, "model.onnx", in: folder)
    let stream = folder.write(video, "video.hevc")
    let line = Array("YUV4MPEG2 W6 H4 F25:1 C420\n".utf8)
    let samples = (0..<72).map { UInt8($0 * 3) }
    let mark = Array("FRAME\n".utf8)
    let pictures = folder.write(
      line + mark + samples[..<36] + mark + samples[36...], "decoded.y4m")
    run(["mux", model, stream, "-o", path("unhashed.hevc")])
    run([
      "mux", model, stream, "--uri", "urn:x", "--tensors", path("model.nnr"), "-o",
      path("away.hevc"),
    ])
    func filter(_ name: String, _ options: [String], status: Int32 = 0) -> Outcome {
      run(
        [
          "filter", path(name), "--pictures", pictures, "-o", path("out.y4m"), "--json",
          "--overwrite",
        ] + options, status: status)
    }
    func hashes(_ text: String) -> [String] {
      text.split(separator: "\n").filter { $0.contains("\"md5\"") }
        .map { $0.split(separator: "\"").dropFirst(3).first.map(String.init) ?? "" }
    }
    let first = hashes(filter("unhashed.hevc", ["--device", "reference"]).output)
    #expect(first.count == 2 && first.allSatisfy { $0.count == 32 })
    run(["mux", model, stream, "--picture-hash", first[0], "-o", path("hashed.hevc")])
    let wrong = first[0].reversed().map(String.init).joined()
    run(["mux", model, stream, "--picture-hash", wrong, "-o", path("wrong.hevc")])
    folder.remove("model.onnx")
    let reference = filter("hashed.hevc", ["--device", "reference"])
    let written = folder.bytes("out.y4m")
    #expect(reference.output.contains("\"isVerified\" : true"))
    #expect(written.count == line.count + 2 * (mark.count + 36))
    // Luma is filtered, chroma is as it was.
    let start = line.count + mark.count
    #expect(Array(written[start..<start + 24]) != Array(samples[..<24]))
    #expect(Array(written[start + 24..<start + 36]) == Array(samples[24..<36]))
    // Whatever device there is has the same pictures.
    #expect(hashes(filter("hashed.hevc", []).output) == first)
    #expect(folder.bytes("out.y4m") == written)
    // With the tensors in a file, too.
    #expect(filter("away.hevc", [], status: 5).errors.contains("at urn:x"))
    #expect(hashes(filter("away.hevc", ["--tensors", path("model.nnr")]).output) == first)
    #expect(folder.bytes("out.y4m") == written)
    let failed = filter("wrong.hevc", [], status: 5)
    #expect(failed.errors.contains("wrong.hevc: byte 0: nnq_picture_md5"), "\(failed.errors)")
    let few = folder.write(line + mark + samples[..<36], "few.y4m")
    let refused = run(
      ["filter", path("hashed.hevc"), "--pictures", few, "-o", path("few-out.y4m")], status: 5)
    #expect(refused.errors.contains("holds 1 pictures"), "\(refused.errors)")
    #expect(!folder.names.contains("few-out.y4m"))
    run(["decode", path("hashed.hevc"), "-o", path("received.onnx")])
    #expect(try ONNXReader.read(path: path("received.onnx")).nodes.count == network.nodes.count)
  }

  @Test func basesWithoutOperatorsNeedAModel() throws {
    let model = try Models.write(network, "model.onnx", in: folder)
    run(["encode", model, "--no-topology", "-o", path("bare.bit")])
    let outcome = run(["decode", path("bare.bit"), "-o", path("a.onnx")], status: 5)
    #expect(outcome.errors.contains("topology_data"), "\(outcome.errors)")
    let raw = folder.write((0..<36).map { UInt8($0) }, "in.yuv")
    let arguments = ["filter", path("bare.bit"), "--pictures", raw, "--size", "6x4", "-o"]
    run(arguments + [path("a.yuv")], status: 5)
    run(arguments + [path("b.yuv"), "--base", model])
    #expect(folder.bytes("b.yuv").count == 36 && !folder.names.contains("a.yuv"))
    run(["filter", path("bare.bit"), "--pictures", raw, "-o", path("c.yuv")], status: 5)
  }

  @Test func whatIsWrongIsNamed() throws {
    let model = try Models.write(network, "model.onnx", in: folder)
    run(["encode", model, "-o", path("model.bit")])
    var bytes = folder.bytes("model.bit")
    bytes[bytes.count - 6] ^= 0x10
    let damaged = folder.write(bytes, "damaged.bit")
    let outcome = run(["decode", damaged, "--base", model], status: 5)
    #expect(outcome.errors.contains("damaged.bit: "), "\(outcome.errors)")
    var other = network
    other.nodes[1].attributes["pads"] = .ints([0, 0, 2, 2])
    let wrong = try Models.write(other, "other.onnx", in: folder)
    let refused = run(["decode", path("model.bit"), "--base", wrong], status: 3)
    #expect(refused.errors.contains("other.onnx: "), "\(refused.errors)")
    let empty = folder.write(video, "video.hevc")
    #expect(run(["decode", empty], status: 5).errors.contains("no messages of ours"))
    let noise = folder.write([1, 2, 3], "noise.bit")
    #expect(run(["inspect", noise], status: 5).errors.contains("start_code_prefix_one_3bytes"))
    run(["encode", model, "--carrier", "aps", "-o", path("a.bit")], status: 2)
    run(
      ["mux", model, empty, "--picture", "1", "--every-random-access", "-o", path("a.bit")],
      status: 2)
    run(["encode", model, "--id", "300", "-o", path("a.bit")], status: 2)
    run(["decode", path("model.bit"), "--id", "7"], status: 2)
    #expect(!folder.names.contains("a.bit") && !folder.names.contains("a.onnx"))
  }
}
