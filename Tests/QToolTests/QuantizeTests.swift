import Datasets
import Graph
import ONNX
import Testing

/// `qtool quantize`: the same bytes from every way that leads to the same numbers.
@Suite struct QuantizeTests {
  let files: MixedFolder

  init() throws { files = try MixedFolder() }

  @Test(arguments: ["ort-cpu", "qdq", "qoperator"], ["w8a8", "w4a8"])
  func deviceAndReferenceWriteEqualFiles(target: String, preset: String) {
    let options = ["--target", target, "--preset", preset]
    let expected = files.quantized(options, data: files.data, by: files.onReference)
    #expect(!expected.isEmpty)
    let found = files.quantized(options, data: files.data, by: files.onDevice)
    #expect(found == expected)
  }

  @Test func everyWayToTheSameNumbersWritesTheSameFile() {
    let expected = files.quantized([], data: files.data, by: files.onReference)
    #expect(!expected.isEmpty)
    for options in ["?batch=1", "?batch=7"] {
      #expect(files.quantized([], data: files.data + options, by: files.onReference) == expected)
    }
    let folder = files.folder
    var parts: [String] = []
    for part in 1...3 {
      parts.append("\(folder.path)/\(part).stats")
      let outcome = files.onReference(
        [
          "calibrate", files.model, "--data", files.data, "--shard", "\(part)/3", "-o",
          parts[part - 1],
        ])
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let merged = "\(folder.path)/merged.stats"
    #expect(
      files.onReference(["calibrate", "--merge"] + parts.reversed() + ["-o", merged]).status == 0)
    let whole = "\(folder.path)/whole.stats"
    let run = files.onDevice([
      "calibrate", files.model, "--data", files.data + "?batch=5", "-o", whole,
    ])
    #expect(run.status == 0, "\(run.errors)")
    #expect(folder.bytes("merged.stats") == folder.bytes("whole.stats"))
    #expect(files.quantized(["--stats", merged], by: files.onReference) == expected)
  }

  @Test func targetsComputeTheSameIntegers() throws {
    var outputs: [[UInt8]] = []
    let folder = files.folder
    for target in ["ort-cpu", "qdq", "qoperator"] {
      let model = "\(folder.path)/\(target).onnx"
      _ = files.quantized(
        ["--target", target], data: files.data, name: "\(target).onnx", by: files.onReference)
      let input = "x=\(folder.path)/x.npy"
      try NumPyFile.write(
        MixedNetwork.numbers([4, 3, 8, 8], seed: 77), to: "\(folder.path)/x.npy", overwrite: true)
      for run in [files.onReference, files.onDevice] {
        let outcome = run(
          ["run", model, "--input", input, "--output-dir", "\(folder.path)/out", "--overwrite"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        outputs.append(folder.bytes("out/logits.npy"))
      }
    }
    #expect(Set(outputs).count == 1 && outputs[0].count > 128)
    // The engine of floats rounds in other places.
    let outcome = files.onReference([
      "run", "\(folder.path)/ort-cpu.onnx", "--input", "x=\(folder.path)/x.npy", "--output-dir",
      "\(folder.path)/out", "--overwrite", "--engine", "float", "--json",
    ])
    #expect(outcome.output.contains("\"engine\" : \"float\""))
  }

  /// A model carries its arithmetic; integers are the same on device and reference, and whoever computes
  /// something else says so.
  @Test(arguments: ["fixed-point", "round", "sadl"])
  func theArithmeticIsTheModels(mode: String) throws {
    let folder = files.folder
    let model = "\(folder.path)/\(mode).onnx"
    let scheme = mode == "fixed-point" ? "affine" : "shift"
    let quantized = files.onReference([
      "quantize", files.model, "--data", files.data, "-o", model, "--requantization", mode,
      "--scheme", scheme,
    ])
    #expect(quantized.status == 0, "\(quantized.errors)")
    #expect(quantized.output.contains("note: requantization '\(mode)'"))
    let inspected = files.onReference(["inspect", model, "--json"])
    #expect(inspected.output.contains("\"requantization\" : \"\(mode)\""))
    try NumPyFile.write(
      MixedNetwork.numbers([4, 3, 8, 8], seed: 77), to: "\(folder.path)/x.npy", overwrite: true)
    let run = [
      "run", model, "--input", "x=\(folder.path)/x.npy", "--output-dir", "\(folder.path)/out",
      "--overwrite",
    ]
    var outputs: [[UInt8]] = []
    for command in [files.onReference, files.onDevice] {
      let outcome = command(run)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("requantization: \(mode) ("))
      outputs.append(folder.bytes("out/logits.npy"))
    }
    #expect(outputs[0] == outputs[1] && outputs[0].count > 128)
    let float = files.onReference(run + ["--engine", "float"])
    #expect(float.status == 0 && float.errors.contains("made for requantization '\(mode)'"))
  }

  @Test func arithmeticThatCannotBeIsRefused() throws {
    let output = "\(files.folder.path)/q.onnx"
    let quantize = ["quantize", files.model, "--data", files.data, "-o", output]
    let affine = files.onReference(quantize + ["--requantization", "round"])
    #expect(affine.status == 2 && affine.errors.contains("--scheme shift"), "\(affine.errors)")
    #expect(!files.folder.names.contains("q.onnx"))

    #expect(files.onReference(quantize).status == 0)
    var graph = try ONNXReader.read(path: output)
    graph.metadata["qtool.requantization"] = "rounded"
    try ONNXWriter.write(graph, to: output, overwrite: true)
    for command in [["inspect", output], ["evaluate", output, "--data", files.data]] {
      let outcome = files.onReference(command)
      #expect(outcome.status == 3, "\(outcome.errors)")
      #expect(
        outcome.errors.contains("q.onnx: the metadata entry")
          && outcome.errors.contains("'rounded'"))
    }
  }

  /// Passes that change the graph or run it again give the same bytes on a device and for any batch, say what
  /// they left out, and refuse statistics.
  @Test func passesThatNeedTheDataThemselves() {
    let passes = ["--preset", "w4a4", "--improve", "cle,outputs,gptq,sequential,bias"]
    let expected = files.quantized(passes, data: files.data, by: files.onReference)
    #expect(!expected.isEmpty)
    #expect(files.quantized(passes, data: files.data, by: files.onDevice) == expected)
    #expect(
      files.quantized(passes, data: files.data + "?batch=1", by: files.onReference) == expected)
    let output = "\(files.folder.path)/r.onnx"
    let outcome = files.onReference(
      ["quantize", files.model, "--data", files.data, "-o", output, "--json"] + passes)
    #expect(outcome.status == 0 && outcome.output.contains("cle: "), "\(outcome.errors)")
    let statistics = "\(files.folder.path)/all.stats"
    _ = files.onReference(["calibrate", files.model, "--data", files.data, "-o", statistics])
    for pass in ["cle", "sequential"] {
      let refused = files.onReference([
        "quantize", files.model, "--stats", statistics, "-o", output, "--overwrite", "--improve",
        pass,
      ])
      #expect(refused.status == 2 && refused.errors.contains(pass), "\(refused.errors)")
    }
    let rounded = files.onReference([
      "quantize", files.model, "--stats", statistics, "-o", output, "--overwrite", "--improve",
      "gptq",
    ])
    #expect(rounded.status == 0, "\(rounded.errors)")
  }

  /// Rounding that is learned gives the same bytes on a device, says what has learned, and needs the data.
  @Test(arguments: ["adaround", "outputs,gain,bias,reconstruct"])
  func roundingIsLearned(_ improve: String) {
    let passes = [
      "--preset", "w4a4", "--improve", improve, "--iterations", "6", "--batch", "4",
    ]
    let expected = files.quantized(passes, data: files.data, by: files.onReference)
    #expect(!expected.isEmpty)
    #expect(files.quantized(passes, data: files.data, by: files.onDevice) == expected)
    let output = "\(files.folder.path)/learned.onnx"
    let outcome = files.onReference(
      ["quantize", files.model, "--data", files.data, "-o", output, "--json"] + passes)
    #expect(
      outcome.status == 0 && outcome.output.contains("have learned, in 6 steps of 4 samples"),
      "\(outcome.errors)")
    #expect(files.onReference(["inspect", output]).status == 0)
    let statistics = "\(files.folder.path)/learned.stats"
    _ = files.onReference(["calibrate", files.model, "--data", files.data, "-o", statistics])
    let refused = files.onReference(
      ["quantize", files.model, "--stats", statistics, "-o", output, "--overwrite"] + passes)
    #expect(refused.status == 2 && refused.errors.contains("--data"), "\(refused.errors)")
    let idle = files.onReference([
      "quantize", files.model, "--data", files.data, "-o", output, "--overwrite", "--iterations",
      "5",
    ])
    #expect(idle.status == 2 && idle.errors.contains("--iterations"), "\(idle.errors)")
  }

  @Test func levelsBitsAndFiltersReachTheReport() {
    let outcome = files.onReference([
      "quantize", files.model, "--data", files.data, "-o", "\(files.folder.path)/q.onnx", "--json",
      "--weight-levels", "23", "--activation-bits", "6", "--skip", "op:Gemm", "--layer", "right:w4",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"weightLevels\" : 23,"))
    #expect(outcome.output.contains("\"weightLevels\" : 16,"))
    #expect(outcome.output.contains("\"activationLevels\" : 64,"))
    let floatNodes = outcome.output.firstRange(of: "\"floatNodes\"").map {
      outcome.output[$0.lowerBound...]
    }
    #expect(floatNodes?.contains("\"name\" : \"head\"") == true)
    for (options, reason) in [
      (["--skip", "nothing*"], "nothing*"), (["--layer", "nothing:w4"], "nothing"),
      (["--weight-bits", "4", "--weight-levels", "16"], "give one"), (["--weight-bits", "9"], "9"),
      (["--range", "best"], "best"), (["--improve", "magic"], "magic"),
    ] {
      let outcome = files.onReference(
        ["quantize", files.model, "--data", files.data, "-o", "\(files.folder.path)/r.onnx"]
          + options)
      #expect(
        outcome.status == 2 && outcome.errors.contains(reason), "\(options): \(outcome.errors)")
    }
    #expect(!files.folder.names.contains("r.onnx"))
  }

  @Test func whatCannotBeQuantizedIsSaid() {
    let folder = files.folder
    _ = files.quantized([], data: files.data, by: files.onReference)
    let again = files.onReference([
      "quantize", "\(folder.path)/q.onnx", "--data", files.data, "-o", "\(folder.path)/r.onnx",
    ])
    #expect(again.status == 3)
    #expect(again.errors.contains("q.onnx: the model is quantized already"), "\(again.errors)")
    let both = files.onReference([
      "quantize", files.model, "--data", files.data, "--stats", "s", "-o", "\(folder.path)/r.onnx",
    ])
    #expect(both.status == 2)
    let plan = files.onReference([
      "quantize", files.model, "--data", files.data, "-o", "\(folder.path)/r.onnx", "--dry-run",
    ])
    #expect(plan.status == 0 && plan.output.contains("depthwise"))
    #expect(!folder.names.contains("r.onnx"))
  }
}
