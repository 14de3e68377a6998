import Datasets
import Files
import Glibc
import Graph
import ONNX
import Tensors
import Testing

@Suite struct TrainTests {
  let folder = TemporaryFolder()

  /// Samples of four numbers whose class is the place of the largest of the first three.
  func data(
    _ count: Int = 50, labels: [Int64]? = nil, hasLabels: Bool = true
  ) throws -> String {
    let x = (0..<count).flatMap { sample in
      (0..<4).map { place -> Float in
        let noise = Float((sample * 29 + place * 13) % 17) / 34
        return place == sample * 7 % 3 ? 1 + noise : noise
      }
    }
    var arrays = ["x": Tensor(x, shape: [count, 4])]
    if hasLabels {
      arrays["labels"] = Tensor(labels ?? (0..<count).map { Int64($0 * 7 % 3) })
    }
    let path = "\(folder.path)/d\(count)\(hasLabels ? "" : "plain").npz"
    try NumPyFile.writeArchive(arrays, to: path, overwrite: true)
    return path
  }

  /// A classifier that knows nothing yet.
  func model() throws -> String {
    var graph = Models.classifier
    let weights = (0..<12).map { Float(($0 * 5) % 7 - 3) / 10 }
    graph.initializers["weights"] = Tensor(weights, shape: [4, 3])
    return try Models.write(graph, "m.onnx", in: folder)
  }

  func lines(_ name: String) -> [String] {
    TemporaryFolder.text(of: "\(folder.path)/\(name)").split(separator: "\n").map(String.init)
  }

  @Test func trainsAndWritesTheModelAndItsRun() throws {
    let (model, data) = (try model(), try data())
    let output = "\(folder.path)/t.onnx"
    let outcome = qtool(
      "train", model, "--bits", "float", "--data", data, "--validation", data, "--epochs", "6",
      "--batch", "8", "--rate", "0.5", "--json", "-o", output, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("2 of 50 samples make no whole batch of 8 and are left out"))
    #expect(outcome.output.contains("\"steps\" : 36"))
    let log = lines("t.onnx.run/log.jsonl")
    #expect(log.count == 6 && log.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
    #expect(log[5].contains("\"validationTop1\":100}") && log[5].contains("\"epoch\":6,"))
    let trained = try ONNXReader.read(path: output)
    let before = try ONNXReader.read(path: model)
    #expect(trained.nodes == before.nodes && trained.inputs == before.inputs)
    #expect(trained.outputs == before.outputs && trained.opsets == before.opsets)
    #expect(trained.initializers["weights"] != before.initializers["weights"])
    #expect(trained.metadata["qtool.training"] == "float, 36 steps of 8, seed 0")
    let evaluated = qtool(
      "evaluate", output, "--data", data, "--fail-below", "100", in: folder)
    #expect(evaluated.status == 0)
    // The settings that the folder keeps make the same bytes again.
    let again = qtool(
      "train", model, "--config", "\(output).run/settings.toml", "-o", "\(folder.path)/u.onnx",
      "--run", "\(folder.path)/u", "--threads", "5", in: folder)
    #expect(again.status == 0, "\(again.errors)")
    #expect(folder.bytes("u.onnx") == folder.bytes("t.onnx"))
  }

  @Test func learnsFromATeacherWithoutLabels() throws {
    let data = try data(hasLabels: false)
    let (model, teacher) = (
      try model(), try Models.write(Models.classifier, "teacher.onnx", in: folder)
    )
    for loss in ["distill", "mse"] {
      let outcome = qtool(
        "train", model, "--bits", "float", "--data", data, "--validation", data, "--loss", loss,
        "--teacher", teacher, "--epochs", "20", "--batch", "10", "--rate", "0.2", "-o",
        "\(folder.path)/\(loss).onnx", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let agreement = qtool(
        "evaluate", "\(folder.path)/\(loss).onnx", "--data", data, "--reference", teacher, "--json",
        in: folder)
      #expect(agreement.output.contains("\"agreement\" : 100,"), "\(agreement.output)")
      #expect(lines("\(loss).onnx.run/log.jsonl").last?.contains("validationSQNR") == true)
    }
    let unlabelled = qtool(
      "train", model, "--bits", "float", "--data", data, "--batch", "10", "-o",
      "\(folder.path)/l.onnx", in: folder)
    #expect(unlabelled.status == 5 && unlabelled.errors.contains("has no label"))
  }

  /// A network of two convolutions, and images for it.
  func images() throws -> (model: String, data: String) {
    var graph = Models.deep(layers: 2, channels: 4, side: 12)
    graph.nodes += [
      Node("GlobalAveragePool", inputs: ["y2"], outputs: ["p"]),
      Node("Flatten", inputs: ["p"], outputs: ["l"]),
    ]
    graph.outputs = [ValueInfo(name: "l", elementType: .float32)]
    let model = try Models.write(graph, "deep.onnx", in: folder)
    let count = 20
    let x = (0..<count * 4 * 144).map { Float($0 * 31 % 97) / 97 }
    try NumPyFile.writeArchive(
      [
        "x": Tensor(x, shape: [count, 4, 12, 12]),
        "labels": Tensor((0..<count).map { Int64($0 % 4) }),
      ], to: "\(folder.path)/images.npz", overwrite: false)
    return (model, "\(folder.path)/images.npz")
  }

  /// Killed in the middle, at whatever step, the run goes on to the bytes of one that was not.
  @Test(arguments: [
    ["--bits", "float", "--epochs", "8"],
    ["--schedule", "neuron", "--groups", "2", "--weight-bits", "3", "--epochs-per-step", "1"],
    [
      "--schedule", "filter", "--groups", "2", "--weight-bits", "3", "--epochs", "3", "--unfrozen",
      "quantized", "--free-epochs", "1", "--learn-scales", "--order", "oscillation",
    ],
    ["--weight-bits", "3", "--epochs", "5"],
  ])
  func aKilledRunResumesToTheSameBytes(_ kind: [String]) throws {
    let (model, data) = try images()
    func arguments(_ name: String) -> [String] {
      [
        "train", model, "--data", data, "--batch", "4", "--optimizer", "adamw",
        "--checkpoint-steps", "1", "-o", "\(folder.path)/\(name).onnx", "--run",
        "\(folder.path)/\(name)",
      ] + kind
    }
    let whole = Command(arguments("whole"), in: folder).wait()
    #expect(whole.status == 0, "\(whole.errors)")

    let killed = Command(arguments("killed"), in: folder)
    for _ in 0..<60_000 where access("\(folder.path)/killed/checkpoint.npz", F_OK) != 0 {
      usleep(1000)
    }
    killed.interrupt(with: SIGKILL)
    _ = killed.wait()
    // Whether it was at its beginning, in the middle or done already, there is one result.
    let resumed = Command(arguments("killed") + ["--resume", "--overwrite"], in: folder).wait()
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(folder.bytes("killed.onnx") == folder.bytes("whole.onnx"))
    // All but the log, which has images a second.
    func checkpoint(_ name: String) throws -> [String: Tensor] {
      try NumPyFile.readArchive("\(folder.path)/\(name)/checkpoint.npz")
        .filter { $0.key != "run/records" }
    }
    #expect(try checkpoint("killed") == checkpoint("whole"))
    let hidden = TemporaryFolder.names(in: "\(folder.path)/killed")
    #expect(hidden == ["checkpoint.npz", "log.jsonl", "settings.toml"])
  }

  @Test(arguments: ["direct", "layer", "filter", "neuron"])
  func trainsInFewBits(_ schedule: String) throws {
    let (model, data) = try images()
    let output = "\(folder.path)/q.onnx"
    let outcome = qtool(
      "train", model, "--data", data, "--validation", data, "--schedule", schedule, "--groups", "2",
      "--preset", "w4a4", "--no-first-last", "--epochs", "4", "--batch", "4", "-o", output,
      in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let stages = ["direct": 1, "layer": 5, "filter": 7, "neuron": 7][schedule]!
    let log = lines("q.onnx.run/log.jsonl")
    #expect(log.last?.contains("\"stage\":\(stages),") == true, "\(log)")
    let graph = try ONNXReader.read(path: output)
    #expect(graph.nodes.filter { $0.operatorType == "DequantizeLinear" }.count >= 4)
    #expect(graph.inputs.map(\.name) == ["x"] && graph.outputs.map(\.name) == ["l"])
    // What was measured in training is what the file gives.
    let evaluated = qtool(
      "evaluate", output, "--data", data, "--engine", "float", "--json", in: folder)
    let top1 = try #require(
      evaluated.output.split(separator: "\n").first { $0.contains("\"top1\"") })
    let value = try #require(top1.split(separator: " ").last).dropLast()
    #expect(log.last?.contains("\"validationTop1\":\(value)}") == true, "\(top1), \(log)")
  }
}
