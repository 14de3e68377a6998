internal import Graph
internal import Tensors

/// ONNX's versions of the file format itself.
enum IRVersion {
  /// The lowest version in which `graph` can be written, at least 4: before it, every initializer
  /// had to be an input.
  ///
  /// The version that belongs to an operator set is ONNX's release table (`docs/Versioning.md`).
  static func needed(by graph: Graph) throws -> Int {
    let opset = graph.opsets["", default: 1]
    let version: Int
    switch opset {
    case ...9: version = 4
    case 10: version = 5
    case 11: version = 6
    case 12...14: version = 7
    case 15...18: version = 8
    case 19...20: version = 9
    case 21...22: version = 10
    case 23: version = 11
    case 24: version = 12
    case 25...27: version = 13
    default: throw GraphError.unsupported("operator set \(opset) is newer than 27")
    }
    return max(version, contents(of: graph))
  }

  private static func contents(of graph: Graph) -> Int {
    var types = Set(graph.initializers.values.map(\.elementType))
    for info in graph.inputs + graph.outputs + graph.valueInfo.values {
      types.insert(info.elementType)
    }
    var version = 4
    for node in graph.nodes {
      if !node.metadata.isEmpty { version = max(version, 10) }
      for attribute in node.attributes.values {
        if case .tensor(let tensor) = attribute { types.insert(tensor.elementType) }
        if case .graph(let graph) = attribute { version = max(version, contents(of: graph)) }
      }
    }
    for type in types {
      switch type {
      case .int4, .uint4: version = max(version, 10)
      case .int2, .uint2: version = max(version, 13)
      default: break
      }
    }
    return version
  }
}
