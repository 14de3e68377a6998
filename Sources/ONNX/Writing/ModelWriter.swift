internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import SwiftProtobuf
internal import Tensors

/// Turns a graph into a model message. Messages borrow the bytes of the graph's tensors, so the graph
/// must outlive them.
struct ModelWriter {
  /// Writes tensors.
  let tensors: TensorWriter

  init(external: ExternalDataWriter?) {
    tensors = TensorWriter(external: external)
  }

  /// The model.
  func model(of graph: Graph, irVersion: Int?) throws -> ModelProto {
    if let node = graph.nodes.first(where: { graph.opsets[$0.domain] == nil }) {
      throw GraphError.invalid(
        "node '\(node.label)' (\(node.operatorType)) is of the domain '\(node.domain)', for which the"
          + " graph names no operator set")
    }
    let needed = try IRVersion.needed(by: graph)
    if let irVersion, irVersion < needed {
      throw GraphError.unsupported("IR version \(irVersion) is asked for, but \(needed) is needed")
    }
    return try ModelProto.with { model in
      model.irVersion = Int64(irVersion ?? needed)
      model.producerName = graph.producer.name
      model.producerVersion = graph.producer.version
      model.domain = graph.producer.domain
      model.modelVersion = Int64(graph.producer.modelVersion)
      model.docString = graph.producer.documentation
      model.opsetImport = graph.opsets.sorted { $0.key < $1.key }.map { domain, version in
        OperatorSetIdProto.with { ($0.domain, $0.version) = (domain, Int64(version)) }
      }
      model.metadataProps = entries(graph.metadata)
      model.graph = try message(graph)
    }
  }

  private func message(_ graph: Graph) throws -> GraphProto {
    let nodes = try graph.sortedNodes()
    let written = Set(nodes.flatMap(\.outputs))
    let described = Set(graph.inputs.map(\.name) + graph.outputs.map(\.name))
    return try GraphProto.with { proto in
      proto.name = graph.name
      if !graph.documentation.isEmpty { proto.docString = graph.documentation }
      proto.input = graph.inputs.map(message)
      proto.output = graph.outputs.map(message)
      proto.valueInfo = graph.valueInfo.values.sorted { $0.name < $1.name }
        .filter { written.contains($0.name) && !described.contains($0.name) }.map(message)
      for (name, tensor) in graph.initializers.sorted(by: { $0.key < $1.key }) {
        proto.initializer.append(try tensors.message(tensor, name: name))
      }
      proto.node = try nodes.map(message)
    }
  }

  private func message(_ node: Node) throws -> NodeProto {
    try NodeProto.with { proto in
      proto.input = node.inputs
      proto.output = node.outputs
      if !node.name.isEmpty { proto.name = node.name }
      proto.opType = node.operatorType
      if !node.domain.isEmpty { proto.domain = node.domain }
      if !node.documentation.isEmpty { proto.docString = node.documentation }
      proto.metadataProps = entries(node.metadata)
      for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
        proto.attribute.append(try message(value, name: name))
      }
    }
  }

  private func message(_ value: Attribute, name: String) throws -> AttributeProto {
    try AttributeProto.with { proto in
      proto.name = name
      switch value {
      case .int(let value): (proto.type, proto.i) = (.int, Int64(value))
      case .float(let value): (proto.type, proto.f) = (.float, value)
      case .string(let value): (proto.type, proto.s) = (.string, Data(value.utf8))
      case .tensor(let value):
        (proto.type, proto.t) = (.tensor, try tensors.message(value, name: ""))
      case .graph(let value): (proto.type, proto.g) = (.graph, try subgraph(value))
      case .ints(let values): (proto.type, proto.ints) = (.ints, values.map(Int64.init))
      case .floats(let values): (proto.type, proto.floats) = (.floats, values)
      case .strings(let values):
        (proto.type, proto.strings) = (.strings, values.map { Data($0.utf8) })
      }
    }
  }

  /// A sub-graph reads values from outside, which its own order does not have to explain.
  private func subgraph(_ graph: Graph) throws -> GraphProto {
    var closed = graph
    let given = Set(graph.inputs.map(\.name))
    closed.inputs += graph.valuesReadFromOutside.filter { !given.contains($0) }
      .map { ValueInfo(name: $0, elementType: .float32) }
    var proto = try message(closed)
    proto.input = graph.inputs.map(message)
    return proto
  }

  private func message(_ info: ValueInfo) -> ValueInfoProto {
    ValueInfoProto.with { proto in
      proto.name = info.name
      if !info.documentation.isEmpty { proto.docString = info.documentation }
      proto.type.tensorType.elemType = info.elementType.onnx
      guard let shape = info.shape else { return }
      proto.type.tensorType.shape = TensorShapeProto.with {
        $0.dim = shape.map { dimension in
          TensorShapeProto.Dimension.with {
            switch dimension {
            case .fixed(let extent): $0.dimValue = Int64(extent)
            case .symbolic(let name): $0.dimParam = name
            case .unknown: break
            }
          }
        }
      }
    }
  }

  private func entries(_ properties: [String: String]) -> [StringStringEntryProto] {
    properties.sorted { $0.key < $1.key }.map { key, value in
      StringStringEntryProto.with { ($0.key, $0.value) = (key, value) }
    }
  }
}
