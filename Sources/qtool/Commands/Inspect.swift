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
    let report = try InspectReport(of: graph, model: model, extents: try parsedExtents(of: graph))
    try common.emit(report) { report.text(listsNodes: nodes) }
  }

  private func parsedExtents(of graph: Graph) throws -> [String: Int] {
    let names = graph.symbolicDimensions
    var found: [String: Int] = [:]
    for argument in extents {
      guard let sign = argument.lastIndex(of: "="),
        let extent = Int(argument[argument.index(after: sign)...]), extent > 0
      else {
        throw UsageError("--extent \(argument) is not NAME=N with a positive N")
      }
      let name = String(argument[..<sign])
      guard names.contains(name) else {
        let known = names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
        throw UsageError(
          "--extent \(argument): '\(self.model)' has no open dimension '\(name)'; it has \(known)")
      }
      found[name] = extent
    }
    return found
  }
}

extension Graph {
  /// Names of the dimensions that the graph leaves open.
  fileprivate var symbolicDimensions: Set<String> {
    let shapes = (inputs + outputs + valueInfo.values).compactMap(\.shape)
    return Set(
      shapes.joined().compactMap { dimension in
        if case .symbolic(let name) = dimension { name } else { nil }
      })
  }
}
