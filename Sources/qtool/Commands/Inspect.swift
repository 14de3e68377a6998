import ArgumentParser
import LowBit

/// `qtool inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a model's operators, shapes, parameters and multiplications.",
    discussion: examples(
      "qtool inspect model.onnx", "qtool inspect model.onnx --nodes --extent batch=8",
      "qtool inspect model.onnx --json"))

  @Argument(help: "The ONNX model.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Flag(inversion: .prefixedNo, help: "List every node.")
  var nodes = false

  @OptionGroup var extents: ExtentOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    let graph = try ONNXReader.read(path: model)
    let report = try InspectReport(
      of: graph, model: model, extents: try extents.parsed(for: graph, path: model))
    try common.emit(report) { report.text(listsNodes: nodes) }
  }
}
