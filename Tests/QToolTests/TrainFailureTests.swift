import Datasets
import Files
import Graph
import ONNX
import Tensors
import Testing

@Suite struct TrainFailureTests {
  let folder = TemporaryFolder()

  func data(labels: [Int64] = [0, 1, 2, 0, 1, 2, 0, 1]) throws -> String {
    let x = (0..<labels.count * 4).map { Float($0 * 13 % 17) / 17 }
    try NumPyFile.writeArchive(
      ["x": Tensor(x, shape: [labels.count, 4]), "labels": Tensor(labels)],
      to: "\(folder.path)/d.npz", overwrite: true)
    return "\(folder.path)/d.npz"
  }

  func train(_ graph: Graph = Models.classifier, _ arguments: String...) throws -> Outcome {
    let model = try Models.write(graph, "m\(UInt64.random(in: 0 ... .max)).onnx", in: folder)
    let all = [
      "train", model, "--bits", "float", "--batch", "4", "--epochs", "2", "-o",
      "\(folder.path)/t.onnx",
    ]
    return Command(all + arguments, in: folder).wait()
  }

  @Test func namesTheSampleWithALabelOutOfRange() throws {
    let outcome = try train(
      Models.classifier, "--data", try data(labels: [0, 1, 2, 0, 1, 3, 0, 1]))
    #expect(outcome.status == 5)
    #expect(
      outcome.errors.contains("sample 5") && outcome.errors.contains("has label 3")
        && outcome.errors.contains("3 classes"), "\(outcome.errors)")
    #expect(!folder.names.contains("t.onnx"))
  }

  /// The step after a huge one has no finite loss, as squares of outputs of 1e29 are none; the
  /// checkpoint between them stays.
  @Test func aLossThatIsNoNumberKeepsTheCheckpoint() throws {
    var teacher = Models.classifier
    teacher.initializers["bias"] = Tensor([1, 1, 1] as [Float])
    let outcome = try train(
      Models.classifier, "--data", try data(), "--loss", "mse", "--teacher",
      try Models.write(teacher, "teacher.onnx", in: folder), "--rate", "1e30",
      "--rate-schedule", "constant", "--checkpoint-steps", "1")
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.errors.contains("the loss became"))
    #expect(outcome.errors.contains("stage 'float'") && outcome.errors.contains("step 2"))
    #expect(outcome.errors.contains("the last checkpoint is kept in"))
    #expect(TemporaryFolder.names(in: "\(folder.path)/t.onnx.run").contains("checkpoint.npz"))
    #expect(!folder.names.contains("t.onnx"))
  }

  @Test func aModelWithoutParametersIsRefused() throws {
    var graph = Models.classifier
    graph.nodes = [Node("Relu", inputs: ["x"], outputs: ["logits"])]
    graph.initializers = [:]
    graph.outputs[0].shape = [.symbolic("N"), .fixed(4)]
    let outcome = try train(graph, "--data", try data())
    #expect(outcome.status == 3 && outcome.errors.contains("no parameter to train"))
  }

  @Test func anOperatorWithoutDerivativeIsNamed() throws {
    var graph = Models.classifier
    graph.nodes = [
      Node(name: "fc", "Gemm", inputs: ["x", "weights", "bias"], outputs: ["l"]),
      Node(name: "steps", "Round", inputs: ["l"], outputs: ["logits"]),
    ]
    let outcome = try train(graph, "--data", try data())
    #expect(outcome.status == 3)
    #expect(outcome.errors.contains("'steps' (Round)"), "\(outcome.errors)")
  }

  @Test func aRunIsNotLost() throws {
    let data = try data()
    #expect(try train(Models.classifier, "--data", data).status == 0)
    let model = try Models.write(Models.classifier, "m.onnx", in: folder)
    func again(_ arguments: String...) -> Outcome {
      let all = [
        "train", model, "--bits", "float", "--batch", "4", "--epochs", "2", "--data", data, "-o",
        "\(folder.path)/other.onnx", "--run", "\(folder.path)/t.onnx.run",
      ]
      return Command(all + arguments, in: folder).wait()
    }
    let refused = again()
    #expect(refused.status == 2 && refused.errors.contains("--resume goes on with it"))
    let different = again("--resume", "--rate", "0.25")
    #expect(different.status == 2, "\(different.errors)")
    #expect(different.errors.contains("this one has rate = 0.25"), "\(different.errors)")
    let resumed = again("--resume")
    #expect(resumed.status == 0 && resumed.errors.contains("resumed after step 4 of 4"))
    #expect(folder.bytes("other.onnx") == folder.bytes("t.onnx"))
    folder.write("nonsense", "t.onnx.run/checkpoint.npz")
    let damaged = again("--resume", "--overwrite")
    #expect(damaged.status == 2 && damaged.errors.contains("checkpoint.npz"), "\(damaged.errors)")
  }

  @Test func saysWhatIsWrongWithTheSettings() throws {
    let data = try data()
    for (arguments, text) in [
      (["--epochs-per-step", "1"], "not both"), (["--augment", "zoom"], "'zoom' is none of"),
      (["--augment", "flip"], "not read as images"), (["--momentum", "1"], "--momentum"),
      (["--rate-schedule", "step", "--milestones", "2"], "no part of all steps"),
      (["--teacher", "x.onnx"], "--loss labels has none"), (["--threads", "0"], "--threads"),
      (["--schedule", "layer", "--ste", "none"], "without meaning there: --schedule, --ste"),
    ] {
      let model = try Models.write(
        Models.classifier, "m\(UInt64.random(in: 0 ... .max)).onnx", in: folder)
      let outcome = Command(
        ["train", model, "--bits", "float", "--epochs", "1", "--batch", "4", "--data", data, "-o"]
          + ["\(folder.path)/t.onnx"] + arguments, in: folder
      ).wait()
      #expect(outcome.status == (arguments.last == "flip" ? 5 : 2), "\(outcome.errors)")
      #expect(outcome.errors.contains(text), "\(outcome.errors)")
    }
    let few = try train(Models.classifier, "--data", "\(data)?limit=3")
    #expect(few.status == 5 && few.errors.contains("3 samples, fewer than a batch of 4"))
    let plan = try train(Models.classifier, "--data", data, "--dry-run")
    #expect(plan.status == 0 && plan.output.contains("train 15 parameters"))
    #expect(plan.output.contains("4 steps in 1 stage: float"))
    #expect(!folder.names.contains("t.onnx.run"))
  }

  /// A method stands for options that are not given, on the command line or in a file; the plan shows
  /// them.
  @Test func methodsStandForOptions() throws {
    let data = try data()
    func plan(_ arguments: String...) throws -> [String] {
      let model = try Models.write(
        Models.classifier, "m\(UInt64.random(in: 0 ... .max)).onnx", in: folder)
      let outcome = Command(
        ["train", model, "--data", data, "--batch", "4", "--epochs", "1", "--dry-run", "--json"]
          + ["-o", "\(folder.path)/t.onnx"] + arguments, in: folder
      ).wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output.split(separator: "\n").map { line in
        line.drop { $0 == " " }.filter { !"\",\\".contains($0) }
      }
    }
    let settle = try plan()
    for line in ["schedule = filter", "unfrozen = quantized", "learn-scales = true"] {
      #expect(settle.contains(line), "\(line)")
    }
    let shifts = try plan("--scheme", "shift")
    #expect(shifts.contains("learn-scales = false") && shifts.contains("unfrozen = quantized"))
    let sher = try plan("--method", "sher")
    #expect(sher.contains("unfrozen = float") && sher.contains("learn-scales = false"))
    #expect(sher.contains("schedule = neuron") && sher.contains("groups = 8"))
    let gao = try plan("--method", "gao", "--granularity", "channel")
    #expect(gao.contains("scheme = shift") && gao.contains("granularity = channel"))
    let file = folder.write("method = \"yang\"\ngroups = 2\n", "c.toml")
    let yang = try plan("--config", file)
    #expect(yang.contains("schedule = filter") && yang.contains("groups = 2"))
    let sriram = try plan("--method=sriram", "--schedule", "direct")
    #expect(sriram.contains("running-range = true") && sriram.contains("weight-range = minmax"))
  }

  /// Sums of large products that cancel are finer than their result's scale: no shift to the right gives
  /// it. That is said before the first step and in a plan.
  @Test(arguments: [[], ["--dry-run"]])
  func arithmeticThatCannotBeIsFoundFirst(_ arguments: [String]) throws {
    var graph = Models.classifier
    graph.inputs[0].shape = [.symbolic("N"), .fixed(2)]
    graph.initializers = [
      "weights": Tensor([64, 64, 64, -64, -64, -63.999] as [Float], shape: [2, 3]),
      "bias": Tensor([0, 0, 0] as [Float]),
      "more": Tensor((1...9).map(Float.init), shape: [3, 3]),
    ]
    graph.nodes = [
      Node(name: "fc", "Gemm", inputs: ["x", "weights", "bias"], outputs: ["l"]),
      Node("MatMul", inputs: ["l", "more"], outputs: ["logits"]),
    ]
    let data = "\(folder.path)/pairs.npz"
    try NumPyFile.writeArchive(
      [
        "x": Tensor((0..<16).map { Float($0 / 2) / 8 }, shape: [8, 2]),
        "labels": Tensor((0..<8).map { Int64($0 % 3) }),
      ], to: data, overwrite: true)
    let outcome = Command(
      ["train", try Models.write(graph, "pairs.onnx", in: folder), "--data", data, "--epochs", "1"]
        + ["--batch", "4", "--scheme", "shift", "--requantization", "round"]
        + ["-o", "\(folder.path)/t.onnx"] + arguments, in: folder
    ).wait()
    #expect(outcome.status == 3, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("pairs.onnx: node 'fc'")
        && outcome.errors.contains("shifted to the left"), "\(outcome.errors)")
    #expect(!folder.names.contains("t.onnx") && !outcome.errors.contains("epoch 1"))
  }

  /// What is given shortens what is not.
  @Test func layersJoinWithinTheFreeEpochs() throws {
    let model = try Models.write(Models.classifier, "free.onnx", in: folder)
    for free in ["0", "1"] {
      let outcome = qtool(
        "train", model, "--epochs", "4", "--batch", "4", "--data", try data(), "--free-epochs",
        free,
        "--dry-run", "-o", "\(folder.path)/free-q.onnx", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test func whatWouldDoNothingIsRefused() throws {
    let data = try data()
    for (arguments, text) in [
      (["--unfrozen", "float", "--free-epochs", "1"], "nothing before the first portion"),
      (["--schedule", "direct", "--free-epochs", "1"], "nothing before the first portion"),
      (["--unfrozen", "float", "--order", "oscillation"], "weights are coded in every step"),
      (["--reestimate", "8"], "leaves no statistics"),
      (["--free-epochs", "1"], "none is left for the stages"),
      (["--schedule", "direct", "--gradual-epochs", "1"], "none is left for the stages"),
      (["--free-epochs", "0.25", "--gradual-epochs", "0.5"], "are among them"),
      (["--unfrozen", "float", "--gradual-epochs", "0.5"], "portions do that already"),
      (["--order", "oscillation", "--gradual-epochs", "0.5"], "counts from the first step on"),
      (["--accumulator-bits", "16", "--gradual-epochs", "0.5"], "kept by all layers"),
      (["--improve", "gptq"], "is for 'qtool quantize'"),
    ] {
      let model = try Models.write(
        Models.classifier, "m\(UInt64.random(in: 0 ... .max)).onnx", in: folder)
      let outcome = Command(
        ["train", model, "--epochs", "1", "--batch", "4", "--data", data, "--dry-run", "-o"]
          + ["\(folder.path)/t.onnx"] + arguments, in: folder
      ).wait()
      #expect(outcome.status == 2 && outcome.errors.contains(text), "\(outcome.errors)")
    }
  }
}
