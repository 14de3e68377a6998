import Datasets
import Files
import Glibc
import Graph
import Tensors
import Testing

@Suite struct EvaluateTests {
  let folder = TemporaryFolder()

  /// Ten samples; the classifier answers 0, 1, 2, 0, 1, ... and the labels differ at 3 of them.
  func data(labels: [Int64]? = [0, 1, 2, 0, 1, 2, 0, 0, 0, 2]) throws -> String {
    var x: [Float] = []
    for index in 0..<10 { x += (0..<4).map { $0 == index % 3 ? 2 : Float($0) / 10 } }
    var arrays = ["x": Tensor(x, shape: [10, 4])]
    arrays["labels"] = labels.map { Tensor($0) }
    try NumPyFile.writeArchive(arrays, to: "\(folder.path)/d.npz", overwrite: true)
    return "\(folder.path)/d.npz"
  }

  @Test func scoresLabels() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let outcome = qtool("evaluate", model, "--data", try data(), "--json", in: folder)
    // Answers are 0 1 2 0 1 2 0 1 2 0; the last three labels differ.
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"top1\" : 70,"))
    #expect(outcome.output.contains("\"top5\" : 100\n"))
    #expect(outcome.output.contains("\"samples\" : 10,"))
  }

  @Test func comparesWithAReference() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    var other = Models.classifier
    other.initializers["bias"] = Tensor([0.1, 0.1, 0.1] as [Float])
    let reference = try Models.write(other, "r.onnx", in: folder)
    let outcome = qtool(
      "evaluate", model, "--data", try data(labels: nil), "--reference", reference, "--json",
      in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    // Noise: 30 values off by 0.1. Signal: per sample (2.1)^2 and two of 0.1, 0.2, 0.3.
    var signal = 0.0
    for index in 0..<10 {
      for c in 0..<3 {
        let value = 0.1 + (c == index % 3 ? 2 : Double(c) / 10)
        signal += value * value
      }
    }
    let expected = 10 * log10(signal / (30 * 0.01))
    let line = try #require(outcome.output.split(separator: "\n").first { $0.contains("\"sqnr\"") })
    let found = try #require(Double(line.split(separator: " ")[2].dropLast()))
    #expect(abs(found - expected) < 1e-4, "\(found) is not \(expected)")
    #expect(outcome.output.contains("\"agreement\" : 100,"))
    let same = qtool(
      "evaluate", model, "--data", try data(labels: nil), "--reference", model, "--json", in: folder
    )
    #expect(same.output.contains("\"sqnr\" : \"inf\""))
  }

  @Test func anOutputThatIsNoRowOfClassesHasNoTop1() throws {
    var boxes = Models.classifier
    boxes.nodes = [Node(name: "boxes", "Reshape", inputs: ["x", "sides"], outputs: ["logits"])]
    boxes.initializers = ["sides": Tensor([0, 2, 2] as [Int64])]
    boxes.outputs[0].shape = [.symbolic("N"), .fixed(2), .fixed(2)]
    let model = try Models.write(boxes, "m.onnx", in: folder)
    let data = try data()
    let alone = qtool("evaluate", model, "--data", data, in: folder)
    #expect(alone.status == 3 && alone.output.isEmpty)
    #expect(alone.errors.contains("'logits' has shape [2, 2] for a sample"), "\(alone.errors)")
    let both = qtool("evaluate", model, "--data", data, "--reference", model, "--json", in: folder)
    #expect(both.status == 0, "\(both.errors)")
    #expect(both.output.contains("\"sqnr\" : \"inf\"") && !both.output.contains("top1"))
    #expect(!both.output.contains("agreement"))
  }

  @Test func labelsCanBeLeftAside() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let data = try data(labels: [0, 1, 2, 3, 0, 0, 0, 0, 0, 0])
    let outcome = qtool(
      "evaluate", model, "--data", "\(data)?labels=none", "--reference", model, "--json", in: folder
    )
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"agreement\" : 100,") && !outcome.output.contains("top1"))
  }

  @Test func aReferenceMayTakeOneSampleAtATime() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    var single = Models.classifier
    single.inputs[0].shape = [.fixed(1), .fixed(4)]
    single.outputs[0].shape = [.fixed(1), .fixed(3)]
    let reference = try Models.write(single, "r.onnx", in: folder)
    for (first, second) in [(model, reference), (reference, model)] {
      let outcome = qtool(
        "evaluate", first, "--data", try data(), "--reference", second, "--json", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("\"sqnr\" : \"inf\""))
    }
  }

  @Test func gatesExitWith1AfterTheResult() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let data = try data()
    #expect(qtool("evaluate", model, "--data", data, "--fail-below", "70", in: folder).status == 0)
    let failed = qtool("evaluate", model, "--data", data, "--fail-below", "70.1", in: folder)
    #expect(failed.status == 1)
    #expect(
      failed.output.contains("70.00 %") && failed.errors.contains("top1 is 70.000, below 70.1"))
    let top5 = qtool(
      "evaluate", model, "--data", data, "--fail-below", "100", "--metric", "top5", in: folder)
    #expect(top5.status == 0)
  }

  @Test func dataErrorsExitWith5() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    func check(_ data: String, _ reason: String) {
      let outcome = qtool("evaluate", model, "--data", data, in: folder)
      #expect(outcome.status == 5 && outcome.output.isEmpty, "\(outcome)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
    check("\(folder.path)/none.npz", "\(folder.path)/none.npz: there is no such file or folder")
    check(try data(labels: nil), "d.npz: has no labels")
    check(
      try data(labels: [0, 1, 2, 3, 0, 0, 0, 0, 0, 0]),
      "sample 3: has label 3, and the model's output has 3 classes")
    check(try data(labels: [0, 1]), "has 2 labels (shape [2]) for 10 samples")
    try NumPyFile.write(
      Tensor([1, .nan, 1, 1] as [Float], shape: [1, 4]), to: "\(folder.path)/nan.npy",
      overwrite: true)
    check("\(folder.path)/nan.npy", "nan.npy: sample 0: 1 of 4 values are NaN")
    try NumPyFile.write(
      Tensor([1, 1, 1] as [Float], shape: [1, 3]), to: "\(folder.path)/short.npy", overwrite: true)
    check(
      "\(folder.path)/short.npy",
      "short.npy: sample 0: has shape [3], and the model's input 'x' takes [?, 4]")
    folder.write(Array(folder.bytes("nan.npy").dropLast(3)), "cut.npy")
    check("\(folder.path)/cut.npy", "cut.npy: holds 13 bytes of elements")
  }

  @Test func specificationErrorsExitWith2() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let outcome = qtool("evaluate", model, "--data", "\(try data())?scal=1", in: folder)
    #expect(outcome.status == 2 && outcome.errors.contains("there is no option 'scal'"))
  }

  @Test func modelErrorsExitWith3() throws {
    let data = try data()
    let whole = try Models.write(Models.classifier, "m.onnx", in: folder)
    let bytes = TemporaryFolder.bytes(of: whole)
    func check(_ model: String, _ reason: String) {
      let outcome = qtool("evaluate", model, "--data", data, in: folder)
      #expect(outcome.status == 3 && outcome.output.isEmpty, "\(outcome)")
      #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
    // Truncated at every length: an error with the documented code, never a crash.
    for count in stride(from: 0, to: bytes.count, by: 23) {
      check(folder.write(Array(bytes[..<count]), "cut.onnx"), "cut.onnx")
    }
    var noise = bytes
    for index in stride(from: 3, to: noise.count, by: 5) { noise[index] ^= 0x5a }
    check(folder.write(noise, "corrupt.onnx"), "corrupt.onnx")
    check(folder.write("this is not a model", "text.onnx"), "text.onnx")

    check(folder.write(Models.cyclic, "cyclic.onnx"), "node 'first' (Add) is on or behind a cycle")
    var unknown = Models.classifier
    unknown.nodes[0].operatorType = "Frobnicate"
    check(try Models.write(unknown, "unknown.onnx", in: folder), "Frobnicate")
    var wrongShape = Models.classifier
    wrongShape.initializers["weights"] = Tensor(repeating: Float(1), shape: [5, 3])
    check(try Models.write(wrongShape, "shape.onnx", in: folder), "fc")
    var wrongType = Models.classifier
    wrongType.initializers["weights"] = Tensor(repeating: Int32(1), shape: [4, 3])
    check(try Models.write(wrongType, "type.onnx", in: folder), "fc")
  }

  @Test func deviceErrorsExitWith4() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let outcome = qtool(
      "evaluate", model, "--data", try data(), "--device", "no such device", in: folder)
    #expect(outcome.status == 4 && outcome.errors.contains("there is no device 'no such device'"))
  }

  @Test func fallsBackToTheReferenceWithoutOpenCL() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let outcome = qtool(
      "evaluate", model, "--data", try data(), in: folder,
      environment: ["LOWBIT_DEVICE": "auto", "OPENCL_LIBRARY": "/nonexistent/libOpenCL.so"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("the reference, because there is no OpenCL library"))
    #expect(outcome.output.contains("on reference"))
  }

  @Test func interruptionExitsWith130() throws {
    let model = try Models.write(
      Models.deep(layers: 12, channels: 64, side: 64), "m.onnx", in: folder)
    for signal in [SIGINT, SIGTERM] {
      let command = Command(
        ["evaluate", model, "--data", "random:100000", "--reference", model], in: folder)
      usleep(700_000)
      command.interrupt(with: signal)
      let outcome = command.wait()
      #expect(outcome.status == 130 && outcome.output.isEmpty)
      #expect(outcome.errors.contains("interrupted"))
    }
  }

  @Test func batchesDoNotChangeResults() throws {
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    let data = try data()
    var other = Models.classifier
    other.initializers["bias"] = Tensor([0.1, 0.2, -0.3] as [Float])
    let reference = try Models.write(other, "r.onnx", in: folder)
    func scores(_ options: String) -> [Substring] {
      qtool(
        "evaluate", model, "--data", data + options, "--reference", reference, "--json", in: folder
      )
      .output.split(separator: "\n").filter { $0.contains("top") || $0.contains("sqnr") }
    }
    let one = scores("?batch=1")
    #expect(one.count == 3, "\(one)")
    #expect(scores("?batch=3") == one && scores("?batch=10") == one)
  }
}
