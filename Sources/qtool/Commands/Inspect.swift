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

  @Option(
    name: .customLong("extent"),
    help: ArgumentHelp(
      "The extent of a dimension that the model leaves open; else 1.", valueName: "name=n"))
  var extents: [String] = []

  @Flag(inversion: .prefixedNo, help: "List every node.")
  var nodes = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    let graph = try ONNXReader.read(path: model)
    let report = try InspectReport(of: graph, model: model, extents: try parsedExtents())
    try common.emit(report) { report.text(listsNodes: nodes) }
  }

  private func parsedExtents() throws -> [String: Int] {
    var found: [String: Int] = [:]
    for argument in extents {
      guard let sign = argument.lastIndex(of: "="),
        let extent = Int(argument[argument.index(after: sign)...]), extent > 0
      else {
        throw UsageError("--extent \(argument) is not NAME=N with a positive N")
      }
      found[String(argument[..<sign])] = extent
    }
    return found
  }
}
