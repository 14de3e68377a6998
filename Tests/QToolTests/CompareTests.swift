import Graph
import Testing

/// `qtool compare`
@Suite struct CompareTests {
  let files: MixedFolder

  init() throws { files = try MixedFolder() }

  private func quantize(_ name: String, _ options: String...) -> String {
    let bytes = files.quantized(options, data: files.data, name: name, by: files.onReference)
    #expect(!bytes.isEmpty)
    return "\(files.folder.path)/\(name)"
  }

  private func compare(_ arguments: String...) -> Outcome {
    files.onReference(["compare"] + arguments + ["--data", files.data + "?limit=6"])
  }

  /// The numbers that stand behind `key` in JSON, in order.
  private func numbers(_ key: String, in text: String) -> [Double] {
    text.split(separator: "\n").filter { $0.contains("\"\(key)\" :") }.compactMap { line in
      Double(line.split(separator: " ").last?.filter { $0 != "," } ?? "")
    }
  }

  @Test(arguments: ["ort-cpu", "qdq", "qoperator"])
  func listsLayersWorstFirst(target: String) throws {
    let model = quantize("q.onnx", "--target", target, "--preset", "w4a8")
    let outcome = compare(files.model, model, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let ratios = numbers("sqnr", in: outcome.output)
    #expect(ratios.count >= 6 && ratios == ratios.sorted())
    #expect(ratios[0] > 5 && ratios[0] < 40)
    for value in ["\"b\"", "\"d\"", "\"j\"", "\"logits\""] {
      #expect(outcome.output.contains(value))
    }
    let text = compare(files.model, model).output.split(separator: "\n")
    #expect(text.first == "6 samples, \(ratios.count) values, worst first")
  }

  @Test func codesThatPassThroughAreCompared() {
    let names = ["qdq", "qoperator"].map { target in
      let outcome = compare(files.model, quantize("\(target).onnx", "--target", target), "--json")
      let lines = outcome.output.split(separator: "\n").filter { $0.contains("\"name\" :") }
      return Set(lines.map { String($0.split(separator: "\"")[3]) })
    }
    // A pool and a Flatten move codes; what the target fuses has no value of its own.
    #expect(names[1].isSuperset(of: ["k", "m"]))
    #expect(names[0].subtracting(names[1]) == ["a", "c", "f"])
  }

  @Test func theSameModelIsEqual() {
    let outcome = compare(files.model, files.model)
    #expect(outcome.status == 0)
    #expect(outcome.output.split(separator: "\n").dropFirst().allSatisfy { $0.hasPrefix("equal ") })
  }

  @Test func integersAreGated() {
    let first = quantize("a.onnx")
    let same = quantize("b.onnx", "--target", "qoperator")
    let other = quantize("c.onnx", "--range", "minmax", "--weight-bits", "7")
    #expect(compare(first, first, "--max-lsb", "0").status == 0)
    // Floats of the same integers: rounding may move a code by one.
    #expect(compare(first, same, "--max-lsb", "1").status == 0)
    let outcome = compare(first, other, "--max-lsb", "0", "--json")
    #expect(outcome.status == 1)
    let largest = numbers("maximumDifference", in: outcome.output)
    #expect(largest.count >= 6 && largest == largest.sorted(by: >) && largest[0] > 0)
    #expect(outcome.errors.contains("integers differ by up to \(Int(largest[0])), more than 0"))
    let gate = "\(Int(largest[0]))"
    #expect(compare(first, other, "--max-lsb", gate).status == 0)
    let none = compare(files.model, first, "--max-lsb", "0")
    #expect(none.status == 2 && none.errors.contains("no integer values in common"))
  }

  @Test func pagesStandAlone() {
    let path = files.folder.path
    let model = quantize("q.onnx", "--report", "\(path)/q.html")
    let report = TemporaryFolder.text(of: "\(path)/q.html")
    #expect(report.hasPrefix("<!DOCTYPE html>") && report.hasSuffix("</html>\n"))
    for name in ["depthwise", "QLinearConv", "became part of a quantizer", "relu2"] {
      #expect(report.contains(name))
    }
    #expect(compare(files.model, model, "--html", "\(path)/c.html").status == 0)
    let page = TemporaryFolder.text(of: "\(path)/c.html")
    #expect(page.contains("<code>logits</code>") && page.contains(" dB"))
    for text in [report, page] {
      #expect(!text.contains("http") && !text.contains("<script") && !text.contains("src="))
    }
    let again = compare(files.model, model, "--html", "\(path)/c.html")
    #expect(again.status == 2 && again.errors.contains("c.html: exists already"))
    #expect(compare(files.model, model, "--html", "\(path)/c.html", "--overwrite").status == 0)
  }

  @Test func modelsWithoutCommonValuesAreAnError() throws {
    let other = try Models.write(Models.classifier, "c.onnx", in: files.folder)
    var renamed = MixedNetwork.graph
    for position in renamed.nodes.indices {
      renamed.nodes[position].inputs = renamed.nodes[position].inputs.map {
        renamed.initializers[$0] == nil && $0 != "x" ? "other_\($0)" : $0
      }
      renamed.nodes[position].outputs = renamed.nodes[position].outputs.map { "other_\($0)" }
    }
    renamed.outputs[0].name = "other_logits"
    let model = try Models.write(renamed, "r.onnx", in: files.folder)
    let nothing = compare(files.model, model)
    #expect(nothing.status == 2 && nothing.errors.contains("no values in common"))
    #expect(compare(files.model, other).status != 0)
  }
}
