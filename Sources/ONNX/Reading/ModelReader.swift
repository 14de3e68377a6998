internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import Tensors

/// Turns a parsed model into a graph.
struct ModelReader {
  /// Reads tensors.
  let tensors: TensorReader

  init(external: ExternalData) {
    tensors = TensorReader(external: external)
  }

  /// The graph of `model`, whose tensors give up their bytes.
  func graph(_ model: inout ModelProto) throws -> Graph {
    guard model.hasGraph else {
      throw GraphError.invalid("not an ONNX model: it has no graph")
    }
    var opsets = try operatorSets(model)
    try FunctionInliner(model.functions).inline(&model.graph, opsets: &opsets)
    var graph = try GraphReader(tensors: tensors, context: "").graph(&model.graph)
    graph.opsets = opsets
    graph.metadata = try properties(model.metadataProps, of: "the model")
    graph.producer = Producer(
      name: model.producerName, version: model.producerVersion, domain: model.domain,
      modelVersion: Int(model.modelVersion), documentation: model.docString)
    if let node = graph.nodes.first(where: { opsets[$0.domain] == nil }) {
      throw GraphError.invalid(
        "node '\(node.label)' (\(node.operatorType)) is of the domain '\(node.domain)', for which the"
          + " model names no operator set")
    }
    _ = try graph.sortedNodes()
    return graph
  }

  private func operatorSets(_ model: ModelProto) throws -> [String: Int] {
    var opsets: [String: Int] = [:]
    for entry in model.opsetImport {
      guard entry.version >= 1, entry.version <= Int64(Int32.max) else {
        throw GraphError.invalid("operator set '\(entry.domain)' has version \(entry.version)")
      }
      let domain = normalizedDomain(entry.domain)
      if let other = opsets[domain], other != Int(entry.version) {
        throw GraphError.invalid(
          "operator set '\(domain)' is imported as \(other) and as \(entry.version)")
      }
      opsets[domain] = Int(entry.version)
    }
    // Before IR version 3 there were no imports, and version 1 was meant.
    if opsets.isEmpty, model.irVersion < 3 { opsets[""] = 1 }
    return opsets
  }
}

/// ONNX's own domain has two names.
func normalizedDomain(_ domain: String) -> String {
  domain == "ai.onnx" ? "" : domain
}

/// Free-form properties as a dictionary.
func properties(
  _ entries: [StringStringEntryProto], of owner: String
) throws -> [String: String] {
  var properties: [String: String] = [:]
  for entry in entries {
    guard properties.updateValue(entry.value, forKey: entry.key) == nil else {
      throw GraphError.invalid("\(owner) has the property '\(entry.key)' twice")
    }
  }
  return properties
}
