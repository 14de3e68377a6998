import Files
import Graph
import ONNX
import Tensors
import Testing

/// `qtool search`
@Suite struct SearchTests {
  let files: MixedFolder

  init() throws { files = try MixedFolder() }

  private func search(_ arguments: String...) -> Outcome {
    files.onReference(
      ["search", files.model, "--data", files.data, "--samples", "8", "--points", "3"] + arguments)
  }

  @Test func aBudgetIsKeptAndTheModelHasWhatWasChosen() throws {
    let folder = files.folder
    let output = "\(folder.path)/small.onnx"
    let outcome = search(
      "--budget", "bytes:60%", "-o", output, "--report", "\(folder.path)/search.html", "--json",
      "--score", files.data)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"chosen\""))
    let graph = try ONNXReader.read(path: output)
    #expect(graph.metadata["qtool.version"] != nil)
    let whole = files.quantized([], data: files.data, name: "whole.onnx", by: files.onReference)
    #expect(!whole.isEmpty)
    let bytes = { (graph: Graph) in
      graph.initializers.values.reduce(0) { $0 + ($1.count * $1.elementType.bitCount + 7) / 8 }
    }
    let finest = try ONNXReader.read(path: "\(folder.path)/whole.onnx")
    #expect(bytes(graph) * 10 <= bytes(finest) * 6)
    let page = String(decoding: folder.bytes("search.html"), as: UTF8.self)
    #expect(page.contains("Sensitivities") && page.contains("<svg"))
  }

  /// The file that a search writes is the one that quantizing with the layers' precisions writes, and what
  /// it measures of models with fine borders is what `--first-last` has.
  @Test(arguments: [[], ["--refine", "6"]])
  func whatIsChosenIsWhatIsWritten(options: [String]) throws {
    let output = "\(files.folder.path)/small.onnx"
    let outcome = files.onReference(
      [
        "search", files.model, "--data", files.data, "--samples", "8", "--points", "3", "--budget",
        "bytes:60%", "-o", output,
      ] + options)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    let layers = try #require(lines.first { $0.hasPrefix("layers: ") }).dropFirst(8)
    let rules = layers.split(separator: ",").flatMap {
      ["--layer", String($0.drop { $0 == " " })]
    }
    #expect(rules.count == 12)
    let written = files.quantized(rules, data: files.data, by: files.onReference)
    #expect(written == files.folder.bytes("small.onnx") && !written.isEmpty)

    let row = try #require(lines.first { $0.hasPrefix("w4a8, first and last finer") })
    let bytes = try #require(row.split(separator: " ").compactMap { Int($0) }.first)
    let fine = files.onReference([
      "quantize", files.model, "--data", files.data, "-o", "\(files.folder.path)/fine.onnx",
      "--weight-bits", "4", "--first-last", "--json",
    ])
    #expect(fine.status == 0 && fine.output.contains("\"after\" : \(bytes)"), "\(bytes)")
    #expect(outcome.output.contains("6 models near it measured") == !options.isEmpty)
  }

  /// Measurements are taken from the record where it has them, and what is missing is measured again, with
  /// the same result.
  @Test func goesOnFromARecord() throws {
    let folder = files.folder
    let record = "\(folder.path)/record.json"
    let first = search("--budget", "bops", "--record", record, "--json")
    #expect(first.status == 0, "\(first.errors)")
    let kept = String(decoding: folder.bytes("record.json"), as: UTF8.self)
    let second = search("--budget", "bops", "--record", record, "--resume", "--json")
    #expect(second.status == 0 && second.output == first.output)

    // A record of an interrupted search has no entries of models.
    let cut = try #require(kept.firstRange(of: "\"models\" : {"))
    try AtomicFile.write((kept[..<cut.upperBound] + "}}").utf8, to: record, overwrite: true)
    let third = search("--budget", "bops", "--record", record, "--resume", "--json")
    #expect(third.status == 0 && third.output == first.output, "\(third.errors)")
    #expect(String(decoding: folder.bytes("record.json"), as: UTF8.self) == kept)

    // An entry that is changed shows: it is not measured again.
    let entry = try #require(kept.firstRange(of: "\"sqnr\" : "))
    let end = try #require(kept[entry.upperBound...].firstIndex { $0 == "\n" || $0 == "," })
    try AtomicFile.write(
      (kept[..<entry.upperBound] + "12.345" + kept[end...]).utf8, to: record, overwrite: true)
    let fourth = search("--budget", "bops", "--record", record, "--resume", "--json")
    #expect(fourth.status == 0 && fourth.output.contains("12.345"), "\(fourth.errors)")

    for other in [["--seed", "1"], ["--layer", "head:w8a8"], ["--weight-range", "minmax"]] {
      let outcome = files.onReference(
        [
          "search", files.model, "--data", files.data, "--samples", "8", "--points", "3",
          "--budget", "bops", "--record", record, "--resume",
        ] + other)
      #expect(
        outcome.status == 2 && outcome.errors.contains("record of another search"),
        "\(outcome.errors)")
    }
  }

  /// Convolutions whose Relu or Clip is part of a quantizer are timed, too.
  @Test(arguments: ["ort-cpu", "qoperator", "qdq"])
  func layersAreTimed(target: String) {
    let outcome = search("--budget", "time", "--target", target, "--json", "--choices", "w8a8,w4a4")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\"unit\" : \"ns\""))
  }

  @Test(arguments: [
    (["--budget", "bytes:1", "-o", "OUT"], "the cheapest that was measured costs"),
    (["--budget", "bytes:50%"], "-o says where it is written"),
    (["--budget", "bytes", "-o", "OUT"], "a number is missing"),
    (["--budget", "size:3", "-o", "OUT"], "is no budget"),
    (["--budget", "bops", "--choices", "w8a8"], "at least two different precisions"),
    (["--budget", "bops", "--choices", "w8a8,w4"], "does not say levels"),
    (["--budget", "bops", "--refine", "3"], "--refine is for a budget with a number"),
    (["--budget", "bops", "--resume"], "--resume needs the --record"),
    (["--budget", "bops", "--preset", "w4a4"], "without meaning here: --preset"),
    (["--budget", "bops", "--choices", "w8a8,x:w4a8"], "is no precision"),
    (["--budget", "bops", "--choices", "w8a8,w9a8"], "'w9a8'"),
  ])
  func whatCannotBeIsAnError(_ arguments: [String], _ message: String) {
    let outcome = files.onReference(
      ["search", files.model, "--data", files.data, "--samples", "2", "--points", "2"]
        + arguments.map { $0 == "OUT" ? "\(files.folder.path)/out.onnx" : $0 })
    #expect(outcome.status == 2 && outcome.errors.contains(message), "\(outcome.errors)")
  }
}
