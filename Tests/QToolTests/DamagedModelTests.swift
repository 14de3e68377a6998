import Glibc
import Graph
import Tensors
import Testing

/// Models that are damaged, absurd or hostile: an error with the documented code that names what is
/// wrong, or a valid model; never a crash.
@Suite struct DamagedModelTests {
  let folder = TemporaryFolder()

  /// The exit codes of `qtool run` for models of these bytes, all in one process, which must live to
  /// its end.
  func codes(_ models: [[UInt8]]) throws -> [Int32] {
    mkdir("\(folder.path)/in", 0o777)
    folder.write(Self.fourFloats, "in/input_0.pb")
    var jobs = ""
    for (index, model) in models.enumerated() {
      let path = folder.write(model, "\(index).onnx")
      jobs += "\(path)\t\(folder.path)/in\t\(folder.path)/out\n"
    }
    let outcome = qtool(
      "run", "--jobs", folder.write(jobs, "jobs"), "--overwrite", in: folder)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == models.count, "the process ended at model \(lines.count)")
    return try lines.map { try #require(Int32($0.prefix { $0 != "\t" })) }
  }

  /// `TensorProto` with dims 1, 4 of float32.
  static let fourFloats: [UInt8] =
    [0x08, 1, 0x08, 4, 0x10, 1, 0x4a, 16] + [UInt8](repeating: 0, count: 16)

  @Test func everyPrefix() throws {
    let bytes = TemporaryFolder.bytes(of: try Models.write(Models.classifier, "m.onnx", in: folder))
    let codes = try codes((0..<bytes.count).map { Array(bytes[..<$0]) })
    #expect(codes.allSatisfy { [0, 3, 5].contains($0) }, "\(Set(codes))")
    #expect(codes.count { $0 == 3 } > codes.count * 9 / 10)
    #expect(try self.codes([bytes]) == [0])
  }

  @Test func flippedBits() throws {
    let bytes = TemporaryFolder.bytes(of: try Models.write(Models.mixed, "m.onnx", in: folder))
    var generator = LinearGenerator(state: 11)
    let models = (0..<1500).map { _ in
      var damaged = bytes
      for _ in 0...(generator.next() % 3) {
        damaged[Int(generator.next() % UInt64(bytes.count))] ^= 1 << UInt8(generator.next() % 8)
      }
      return damaged
    }
    let codes = try codes(models)
    #expect(codes.allSatisfy { [0, 3, 5].contains($0) }, "\(Set(codes))")
    #expect(codes.contains(0) && codes.count { $0 == 3 } > 100)
  }

  /// What the commands that quantize do with damage that `run` may not look at.
  @Test(arguments: ["quantize", "calibrate", "inspect"])
  func flippedBitsInEveryCommand(_ command: String) throws {
    let bytes = TemporaryFolder.bytes(of: try Models.write(Models.mixed, "m.onnx", in: folder))
    var generator = LinearGenerator(state: 5)
    for _ in 0..<40 {
      var damaged = bytes
      for _ in 0...(generator.next() % 2) {
        damaged[Int(generator.next() % UInt64(bytes.count))] ^= 1 << UInt8(generator.next() % 8)
      }
      let model = folder.write(damaged, "damaged.onnx")
      let more =
        command == "inspect"
        ? [] : ["--data", "random:2", "-o", "\(folder.path)/out", "--overwrite"]
      let outcome = Command([command, model] + more, in: folder).wait()
      #expect([0, 3, 5].contains(outcome.status), "\(outcome)")
      #expect(outcome.status == 0 || outcome.errors.contains("error: "), "\(outcome)")
    }
  }

  /// Shapes that no machine has memory for, or whose sizes overflow.
  @Test(arguments: [
    ("Expand", [1 << 40, 1, 4]), ("Expand", [1 << 31, 1 << 31, 4, 1]),
    ("Tile", [1 << 40, 1 << 40]),
    ("Pad", [0, Int.max, 0, Int.max]), ("Pad", [0, Int.min, 0, -1]),
    ("Reshape", [1 << 40, 1 << 40, -1]), ("Reshape", [-2, -2]),
    ("ConstantOfShape", [1 << 31, 1 << 31]),
    ("ConstantOfShape", [-1, 4]),
  ])
  func absurdShapes(operatorType: String, numbers: [Int]) throws {
    var graph = Models.classifier
    graph.initializers["numbers"] = Tensor(numbers.map(Int64.init))
    let isShape = operatorType == "ConstantOfShape"
    graph.nodes.insert(
      Node(
        name: "absurd", operatorType, inputs: isShape ? ["numbers"] : ["x", "numbers"],
        outputs: ["made"]), at: 0)
    graph.nodes[1].inputs[0] = "made"
    let model = try Models.write(graph, "absurd.onnx", in: folder)
    for command in ["quantize", "calibrate"] {
      let outcome = qtool(
        command, model, "--data", "random:2", "-o", "\(folder.path)/out", in: folder)
      #expect(outcome.status == 3 && outcome.output.isEmpty, "\(outcome)")
      #expect(
        outcome.errors.contains("node 'absurd' (\(operatorType), opset 17)"), "\(outcome.errors)")
    }
    #expect(folder.names == ["absurd.onnx"])
    #expect(qtool("inspect", model, in: folder).status < 4)
  }

  @Test(arguments: [
    [Int(Int32.max), Int(Int32.max), Int(Int32.max), 4], [1, Int(Int32.max), 4, 64],
  ])
  func absurdInputs(shape: [Int]) throws {
    var graph = Models.classifier
    graph.inputs[0].shape = shape.map { .fixed($0) }
    graph.nodes = [
      Node(name: "fc", "MatMul", inputs: ["x", "weights"], outputs: ["logits"])
    ]
    graph.outputs[0].shape = nil
    let model = try Models.write(graph, "absurd.onnx", in: folder)
    let data = folder.write(Self.npyOfEightFloats, "d.npy")
    for source in [data, "random:2"] {
      for command in ["quantize", "calibrate"] {
        let outcome = qtool(
          command, model, "--data", source, "-o", "\(folder.path)/out", in: folder)
        #expect([3, 5].contains(outcome.status), "\(outcome)")
        #expect(outcome.errors.contains("'x'"), "\(outcome.errors)")
      }
    }
    #expect([0, 3].contains(qtool("inspect", model, in: folder).status))
  }

  static let npyOfEightFloats: [UInt8] = {
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }"
    header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
      + [UInt8](repeating: 0, count: 32)
  }()

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func weightsThatAreNoNumbers(_ value: Float) throws {
    for name in ["weights", "bias"] {
      var graph = Models.classifier
      var values = graph.initializers[name]?.array(of: Float.self) ?? []
      values[1] = value
      graph.initializers[name] = Tensor(values, shape: graph.initializers[name]?.shape)
      let model = try Models.write(graph, "\(name).onnx", in: folder)
      let outcome = qtool(
        "quantize", model, "--data", folder.write(Self.npyOfEightFloats, "d.npy"), "-o",
        "\(folder.path)/out", in: folder)
      #expect(outcome.status == 3, "\(outcome)")
      #expect(outcome.errors.contains("node 'fc' (Gemm): the constant '"), "\(outcome.errors)")
      #expect(outcome.errors.contains(value.isNaN ? "holds 1 NaN" : "and 1 infinite element"))
      #expect(!folder.names.contains("out"))
    }
  }

  /// A model that is not there or cannot be read is a matter of the model as well.
  @Test(arguments: ["quantize", "calibrate", "run", "inspect", "evaluate", "compare"])
  func missingModels(_ command: String) {
    let data = folder.write(Self.npyOfEightFloats, "d.npy")
    for (model, reason) in [("none.onnx", "No such file"), ("", "is not a regular file")] {
      let path = "\(folder.path)/\(model)"
      let more =
        switch command {
        case "inspect": [String]()
        case "run": ["--input", "x=\(data)", "--output-dir", "\(folder.path)/out"]
        case "evaluate": ["--data", data]
        case "compare": [path, "--data", data]
        default: ["--data", data, "-o", "\(folder.path)/out"]
        }
      let outcome = Command([command, path] + more, in: folder).wait()
      #expect(outcome.status == 3 && outcome.errors.contains("\(path): "), "\(outcome)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
  }

  @Test(arguments: ["quantize", "calibrate", "run", "inspect"])
  func cyclesAndUnknownOperators(_ command: String) throws {
    var unknown = Models.classifier
    unknown.nodes[0].operatorType = "Frobnicate"
    let cyclic = folder.write(Models.cyclic, "cyclic.onnx")
    let other = try Models.write(unknown, "unknown.onnx", in: folder)
    let data = folder.write(Self.npyOfEightFloats, "d.npy")
    for (model, reason) in [
      (cyclic, "node 'first' (Add) is on or behind a cycle"), (other, "Frobnicate"),
    ] {
      let more =
        switch command {
        case "inspect": [String]()
        case "run": ["--input", "x=\(data)", "--output-dir", "\(folder.path)/out"]
        default: ["--data", data, "-o", "\(folder.path)/out"]
        }
      let outcome = Command([command, model] + more, in: folder).wait()
      #expect((outcome.errors + outcome.output).contains(reason), "\(outcome)")
      // inspect lists what is not supported; that is its result.
      let expected: Int32 = command == "inspect" && model == other ? 0 : 3
      #expect(outcome.status == expected, "\(outcome)")
      #expect(!folder.names.contains("out"))
    }
  }
}

/// A small generator with a fixed sequence.
struct LinearGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
