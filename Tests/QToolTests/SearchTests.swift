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

  /// What was measured before an interruption is taken from the record, and the result is the same.
  @Test func goesOnFromARecord() throws {
    let folder = files.folder
    let record = "\(folder.path)/record.json"
    let first = search("--budget", "bops", "--record", record, "--json")
    #expect(first.status == 0, "\(first.errors)")
    let kept = folder.bytes("record.json")
    let second = search("--budget", "bops", "--record", record, "--resume", "--json")
    #expect(second.status == 0 && second.output == first.output)
    #expect(folder.bytes("record.json") == kept)
    let other = search("--budget", "bops", "--record", record, "--resume", "--seed", "1")
    #expect(other.status == 2 && other.errors.contains("record of another search"))
  }

  @Test(arguments: [
    (["--budget", "bytes:1", "-o", "OUT"], "the cheapest of the choices costs"),
    (["--budget", "bytes:50%"], "-o says where it is written"),
    (["--budget", "bytes", "-o", "OUT"], "a number is missing"),
    (["--budget", "size:3", "-o", "OUT"], "is no budget"),
    (["--budget", "bops", "--choices", "w8a8"], "at least two different precisions"),
    (["--budget", "bops", "--choices", "w8a8,w4"], "does not say levels"),
    (["--budget", "bops", "--resume"], "--resume needs the --record"),
  ])
  func whatCannotBeIsAnError(_ arguments: [String], _ message: String) {
    let outcome = files.onReference(
      ["search", files.model, "--data", files.data, "--samples", "2", "--points", "2"]
        + arguments.map { $0 == "OUT" ? "\(files.folder.path)/out.onnx" : $0 })
    #expect(outcome.status == 2 && outcome.errors.contains(message), "\(outcome.errors)")
  }
}
