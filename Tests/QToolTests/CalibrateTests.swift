import Datasets
import Graph
import Tensors
import Testing

/// `qtool calibrate`
@Suite struct CalibrateTests {
  let files: MixedFolder

  init() throws { files = try MixedFolder() }

  private func calibrate(_ arguments: String..., to name: String) -> Outcome {
    files.onReference(["calibrate"] + arguments + ["-o", "\(files.folder.path)/\(name)"])
  }

  @Test func countsEveryTensor() {
    let outcome = calibrate(files.model, "--data", files.data, "--json", to: "s")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"samples\" : 24,"))
    // The input: 24 samples of 3 x 8 x 8.
    #expect(outcome.output.contains("\"elements\" : 4608,"))
    #expect(outcome.output.contains("\"name\" : \"x\","))
    let plan = calibrate(files.model, "--data", files.data, "--dry-run", to: "none")
    #expect(plan.status == 0 && plan.output.contains("x\n"))
    #expect(!files.folder.names.contains("none"))
  }

  @Test func partsAreNamedAndDoNotCountTwice() {
    #expect(calibrate(files.model, "--data", files.data, "--shard", "1/3", to: "1").status == 0)
    #expect(calibrate(files.model, "--data", files.data, "--shard", "3/3", to: "3").status == 0)
    #expect(calibrate(files.model, "--data", files.data, to: "all").status == 0)
    let path = files.folder.path
    let two = calibrate("--merge", "\(path)/3", "\(path)/1", "--json", to: "two")
    #expect(two.output.contains("\"part 1 of 3 of \(files.data)\""), "\(two)")
    #expect(two.output.contains("\"samples\" : 16,"))
    for other in ["1", "all"] {
      let twice = calibrate("--merge", "\(path)/1", "\(path)/\(other)", to: "none")
      #expect(twice.status == 5 && twice.errors.contains("count twice"), "\(twice.errors)")
    }
    for shard in ["0/3", "4/3", "1", "a/b"] {
      let wrong = calibrate(files.model, "--data", files.data, "--shard", shard, to: "none")
      #expect(wrong.status == 2 && wrong.errors.contains("--shard \(shard)"), "\(wrong.errors)")
    }
    let empty = calibrate(
      files.model, "--data", files.data + "?limit=2", "--shard", "3/3", to: "none")
    #expect(empty.status == 5 && empty.errors.contains("none is in this part"))
    #expect(!files.folder.names.contains("none"))
  }

  @Test func statisticsOfAnotherModelAreRefused() throws {
    #expect(calibrate(files.model, "--data", files.data, to: "s").status == 0)
    var other = MixedNetwork.graph
    other.initializers["head.b"] = MixedNetwork.numbers([5], seed: 1)
    let model = try Models.write(other, "other.onnx", in: files.folder)
    let path = files.folder.path
    let outcome = files.onReference([
      "quantize", model, "--stats", "\(path)/s", "-o", "\(path)/q.onnx",
    ])
    #expect(outcome.status == 5)
    #expect(outcome.errors.contains("/s: the statistics were made with another model"))
    #expect(calibrate(model, "--data", files.data, to: "t").status == 0)
    let merged = calibrate("--merge", "\(path)/s", "\(path)/t", to: "none")
    #expect(merged.status == 5 && merged.errors.contains("different models"), "\(merged.errors)")
    for (statistics, reason) in [("nowhere", "No such file"), ("m.onnx", "no statistics")] {
      let wrong = files.onReference(
        ["quantize", files.model, "--stats", "\(path)/\(statistics)", "-o", "\(path)/q.onnx"])
      #expect(wrong.status == 5 && wrong.errors.contains(reason), "\(wrong.errors)")
    }
    #expect(!files.folder.names.contains("q.onnx"))
  }

  @Test func infinitiesAreAnErrorUnlessAllowed() throws {
    var values = [Float](repeating: 0.25, count: 2 * 192)
    values[200] = .infinity
    let data = "\(files.folder.path)/inf.npy"
    try NumPyFile.write(Tensor(values, shape: [2, 3, 8, 8]), to: data, overwrite: true)
    let refused = calibrate(files.model, "--data", data, to: "none")
    #expect(refused.status == 5)
    #expect(refused.errors.contains("inf.npy: sample 1: tensor 'x'"), "\(refused.errors)")
    let counted = calibrate(files.model, "--data", data, "--allow-nonfinite", "--json", to: "s")
    #expect(counted.status == 0 && counted.output.contains("\"infinities\" : 1,"))
  }
}
