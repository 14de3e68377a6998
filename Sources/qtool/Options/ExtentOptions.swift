import ArgumentParser
import LowBit

/// Extents of dimensions that a model leaves open.
struct ExtentOptions: ParsableArguments {
  @Option(
    name: .customLong("extent"),
    help: ArgumentHelp(
      "The extent of a dimension that the model leaves open; else 1.", valueName: "name=n"))
  var extents: [String] = []

  /// The extents by name.
  ///
  /// - Throws: `UsageError` for what is no extent of an open dimension of `graph`, the model at `path`.
  func parsed(for graph: Graph, path: String) throws -> [String: Int] {
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
          "--extent \(argument): '\(path)' has no open dimension '\(name)'; it has \(known)")
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
