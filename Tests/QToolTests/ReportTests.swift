import Datasets
import Graph
import ONNX
import Tensors
import Testing

/// `qtool report`, `qtool quantize --report` and what written models say of their calibration.
@Suite struct ReportTests {
  let files: MixedFolder

  init() throws { files = try MixedFolder() }

  private var path: String { files.folder.path }

  private func report(_ arguments: String...) -> (outcome: Outcome, page: String) {
    let outcome = files.onReference(
      ["report"] + arguments + ["-o", "\(path)/page.html", "--overwrite"])
    return (outcome, TemporaryFolder.text(of: "\(path)/page.html"))
  }

  /// The text of the metadata of a written model.
  private func metadata(_ name: String) throws -> [String: String] {
    try ONNXReader.read(path: "\(path)/\(name)").metadata
  }

  @Test(arguments: ["ort-cpu", "qdq", "qoperator"])
  func filesSayWhatQuantizationSaid(target: String) throws {
    let written = files.onReference([
      "quantize", files.model, "--data", files.data, "--preset", "w4a8", "--target", target, "-o",
      "\(path)/q.onnx", "--report", "\(path)/q.html", "--json",
    ])
    #expect(written.status == 0, "\(written.errors)")
    #expect(written.output.contains("\"accumulatorBits\" : "))
    let first = TemporaryFolder.text(of: "\(path)/q.html")
    let (outcome, second) = report("\(path)/q.onnx")
    #expect(outcome.status == 0, "\(outcome.errors)")
    for layer in ["stem", "depthwise", "pointwise", "left", "right", "head"] {
      for page in [first, second] {
        #expect(page.contains("<th scope=\"row\"><code>\(layer)</code>"), "\(layer)")
      }
    }
    func cells(_ page: String) -> [String] {
      page.split(separator: "<td").map { String($0.prefix { $0 != "/" }) }.filter {
        $0.contains(" of 32") || $0.contains(" in 4 bits") || $0.contains(" in 8 bits")
      }
    }
    // Bits of weights and of accumulators are read from the file as they were planned.
    #expect(cells(first).count == 12 && cells(first) == cells(second), "\(target)")
    #expect(first.contains("Histogram of") && !second.contains("Histogram of"))
  }

  /// The score is what `evaluate` says of both files; layers alone, and models of a search, are on the page.
  @Test func pagesSayWhatWasMeasured() throws {
    let record = "\(path)/record.json"
    let search = files.onReference([
      "search", files.model, "--data", files.data, "--score", files.data, "--samples", "8",
      "--tuner", "random", "--trials", "5", "--record", record,
    ])
    #expect(search.status == 0, "\(search.errors)")
    let quantized = files.onReference([
      "quantize", files.model, "--data", files.data, "--preset", "w4a4", "-o", "\(path)/q.onnx",
      "--report", "\(path)/q.html", "--score", files.data, "--sensitivity", "--record", record,
    ])
    #expect(quantized.status == 0, "\(quantized.errors)")
    let scores = try [files.model, "\(path)/q.onnx"].map { model -> String in
      let found = files.onReference(["evaluate", model, "--data", files.data])
      let line = try #require(found.output.split(separator: "\n").first { $0.contains("top-1") })
      return String(line.split(separator: " ")[1])
    }
    #expect(
      quantized.output.contains("top-1: \(scores[0]) % in float, \(scores[1]) % quantized"),
      "\(quantized.output) \(scores)")
    #expect(quantized.output.contains("layer alone"))
    let page = TemporaryFolder.text(of: "\(path)/q.html")
    for words in [
      "\(scores[0]) % in float, on data.npz", "Sensitivities", "All layers together:",
      "top-1 by size", "SQNR of the output by size", ">this model<",
    ] {
      #expect(page.contains(words), "\(words)")
    }
    let other = try Models.write(Models.classifier, "other.onnx", in: files.folder)
    let foreign = files.onReference([
      "quantize", other, "--data", "random:40", "-o", "\(path)/o.onnx", "--report",
      "\(path)/o.html", "--record", record,
    ])
    #expect(foreign.status == 2 && foreign.errors.contains("another model"), "\(foreign.errors)")
    #expect(!files.folder.names.contains("o.onnx"))
  }

  @Test func histogramsComeFromDataOrFromTheStatistics() throws {
    let stats = "\(path)/m.stats"
    #expect(
      files.onReference(["calibrate", files.model, "--data", files.data, "-o", stats]).status == 0)
    _ = files.quantized(["--stats", stats], by: files.onReference)
    for source in [["--stats", stats], ["--data", files.data + "?limit=4"]] {
      let outcome = files.onReference(
        ["report", "\(path)/q.onnx", "-o", "\(path)/page.html", "--overwrite"] + source)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(TemporaryFolder.text(of: "\(path)/page.html").contains("Histogram of x."))
    }
    let other = try Models.write(Models.classifier, "other.onnx", in: files.folder)
    let otherStats = "\(path)/o.stats"
    let calibrated = files.onReference([
      "calibrate", other, "--data", "random:4", "-o", otherStats,
    ])
    #expect(calibrated.status == 0, "\(calibrated.errors)")
    let (refused, _) = report("\(path)/q.onnx", "--stats", otherStats)
    #expect(refused.status == 5 && refused.errors.contains("another model"), "\(refused.errors)")
  }

  @Test func filesAreStampedWithTheirCalibration() throws {
    let expected = files.quantized([], data: files.data, by: files.onReference)
    let stamp = try metadata("q.onnx")
    #expect(stamp["qtool.data"] == "data.npz" && stamp["qtool.samples"] == "24")
    for key in ["qtool.statistics", "qtool.model"] {
      #expect(stamp[key]?.count == 64 && stamp[key]?.allSatisfy(\.isHexDigit) == true, "\(key)")
    }
    #expect(!stamp.values.contains { $0.contains("/") })
    // Other data have another digest; the same data elsewhere have the same bytes.
    _ = files.quantized([], data: files.data + "?limit=23", by: files.onReference)
    #expect(try metadata("q.onnx")["qtool.statistics"] != stamp["qtool.statistics"])
    let elsewhere = try MixedFolder()
    #expect(elsewhere.quantized([], data: elsewhere.data, by: elsewhere.onReference) == expected)
  }

  @Test func fewSamplesAndNaNAreWarnedOf() throws {
    // Data that hold NaN are refused; the root of a negative number is one that the model makes.
    var graph = MixedNetwork.graph
    graph.nodes[0].inputs[0] = "root"
    graph.nodes.insert(Node(name: "sqrt", "Sqrt", inputs: ["x"], outputs: ["root"]), at: 0)
    let model = try Models.write(graph, "root.onnx", in: files.folder)
    var values = MixedNetwork.numbers([4, 3, 8, 8], seed: 9).array(of: Float.self).map(abs)
    values[100] = -1
    let data = "\(path)/negative.npz"
    try NumPyFile.writeArchive(
      ["x": Tensor(values, shape: [4, 3, 8, 8])], to: data, overwrite: true)
    let outcome = files.onReference([
      "quantize", model, "--data", data, "-o", "\(path)/n.onnx", "--report",
      "\(path)/n.html", "--allow-nonfinite",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let page = TemporaryFolder.text(of: "\(path)/n.html")
    for text in [outcome.errors, page.replacing("&#39;", with: "'")] {
      #expect(text.contains("only 4 samples: one new sample in 5 goes beyond"))
      #expect(text.contains("'root' held 1 NaN and 0 infinities"))
    }
  }

  @Test func whatIsNoRunAndNoQuantizedModelIsSaid() throws {
    let (float, _) = report(files.model)
    #expect(float.status == 3 && float.errors.contains("has no quantizers"), "\(float.errors)")
    let (folder, _) = report(path)
    #expect(folder.status == 2 && folder.errors.contains("no settings.toml"), "\(folder.errors)")
    #expect(!files.folder.names.contains("page.html"))
  }

  @Test func runsAreDrawnAtAnyTime() throws {
    let tests = TrainTests()
    let (model, data) = (try tests.model(), try tests.data())
    let folder = tests.folder
    let output = "\(folder.path)/t.onnx"
    let trained = qtool(
      "train", model, "--data", data, "--validation", data, "--epochs-per-step", "2", "--batch",
      "10",
      "--weight-bits", "4", "--schedule", "layer", "--unfrozen", "float", "-o", output, in: folder)
    #expect(trained.status == 0, "\(trained.errors)")
    func page(_ name: String) -> String {
      let outcome = qtool(
        "report", "\(output).run", "-o", "\(folder.path)/\(name)", in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return TemporaryFolder.text(of: "\(folder.path)/\(name)")
    }
    let finished = page("whole.html")
    for words in [
      "Finished.", "<h2 id=\"result-title\">", "<code>weight-bits</code>", "Learning rate.",
      " of 32", "validation",
    ] {
      #expect(finished.contains(words), "\(words)")
    }
    // The same run, had it been stopped after its first record.
    let log = tests.lines("t.onnx.run/log.jsonl")
    folder.write("\(log[0])\n", "t.onnx.run/log.jsonl")
    let stopped = page("part.html")
    #expect(stopped.contains("Not finished.") && stopped.contains("5 of 10 steps are in the log"))
    #expect(!stopped.contains("result-title"))
    folder.write("\(log[0])\n{\"stage\":", "t.onnx.run/log.jsonl")
    let damaged = qtool(
      "report", "\(output).run", "-o", "\(folder.path)/d.html", in: folder)
    #expect(damaged.status == 2 && damaged.errors.contains("line 2"), "\(damaged.errors)")
  }
}
