internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import Tensors

/// Turns a `GraphProto` into a ``Graph``: the model's own, or a sub-graph of a node.
struct GraphReader {
  /// Reads tensors.
  let tensors: TensorReader

  /// What messages put before names: which sub-graph this is; empty for the model's own graph.
  let context: String

  /// The graph, without opsets, metadata and producer.
  func graph(_ proto: inout GraphProto) throws -> Graph {
    var graph = Graph(name: proto.name, opsets: [:])
    graph.documentation = proto.docString
    if let sparse = proto.sparseInitializer.first {
      throw GraphError.unsupported("\(context)initializer '\(sparse.values.name)' is sparse")
    }
    graph.initializers = try initializers(&proto)
    graph.inputs = try proto.input.compactMap {
      graph.initializers[$0.name] == nil ? try valueInfo($0, role: "input") : nil
    }
    graph.outputs = try proto.output.map { try valueInfo($0, role: "output") }
    try refuseRepeats(graph.inputs, role: "input")
    try refuseRepeats(graph.outputs, role: "output")
    for info in proto.valueInfo where info.hasType && info.type.value != nil {
      graph.valueInfo[info.name] = try valueInfo(info, role: "value")
    }
    try readNodes(&proto.node, into: &graph)
    return graph
  }

  private func initializers(_ proto: inout GraphProto) throws -> [String: Tensor] {
    var initializers: [String: Tensor] = [:]
    var protos = proto.initializer
    proto.initializer = []
    for index in protos.indices {
      let name = protos[index].name
      guard !name.isEmpty else {
        throw GraphError.invalid("\(context)initializer number \(index) has no name")
      }
      let tensor = try tensors.tensor(&protos[index], label: "\(context)initializer '\(name)'")
      guard initializers.updateValue(tensor, forKey: name) == nil else {
        throw GraphError.invalid("\(context)there are two initializers '\(name)'")
      }
    }
    return initializers
  }

  private func refuseRepeats(_ values: [ValueInfo], role: String) throws {
    var names: Set<String> = []
    for value in values {
      guard !value.name.isEmpty else {
        throw GraphError.invalid("\(context)an \(role) has no name")
      }
      guard names.insert(value.name).inserted else {
        throw GraphError.invalid("\(context)there are two \(role)s '\(value.name)'")
      }
    }
  }

  private func readNodes(_ protos: inout [NodeProto], into graph: inout Graph) throws {
    let reader = NodeReader(tensors: tensors, context: context)
    let inputs = Set(graph.inputs.map(\.name))
    graph.nodes.reserveCapacity(protos.count)
    for index in protos.indices {
      let node = try reader.node(&protos[index])
      for output in node.outputs where !output.isEmpty {
        guard graph.initializers[output] == nil, !inputs.contains(output) else {
          throw GraphError.invalid(
            "\(context)node '\(node.label)' (\(node.operatorType)) writes '\(output)', which is"
              + " constant or an input")
        }
      }
      if let constant = try reader.constant(node) {
        graph.initializers[node.outputs[0]] = constant
      } else {
        graph.nodes.append(node)
      }
    }
  }

  private func valueInfo(_ proto: ValueInfoProto, role: String) throws -> ValueInfo {
    let label = "\(context)\(role) '\(proto.name)'"
    let tensor: TypeProto.Tensor
    switch proto.type.value {
    case .tensorType(let type)?: tensor = type
    case nil: throw GraphError.unsupported("\(label) has no type")
    case .sequenceType?: throw GraphError.unsupported("\(label) is a sequence")
    case .mapType?: throw GraphError.unsupported("\(label) is a map")
    case .sparseTensorType?: throw GraphError.unsupported("\(label) is a sparse tensor")
    case .optionalType?: throw GraphError.unsupported("\(label) is optional")
    }
    guard let type = ElementType(onnx: tensor.elemType) else {
      throw GraphError.unsupported(
        "\(label) has elements of type \(ElementType.onnxName(tensor.elemType))")
    }
    var shape: [Dimension]?
    if tensor.hasShape {
      shape = try tensor.shape.dim.enumerated().map { axis, dimension in
        try self.dimension(dimension, axis: axis, of: label)
      }
    }
    return ValueInfo(
      name: proto.name, elementType: type, shape: shape, documentation: proto.docString)
  }

  private func dimension(
    _ proto: TensorShapeProto.Dimension, axis: Int, of label: String
  ) throws -> Dimension {
    switch proto.value {
    case .dimValue(let extent)?:
      // Old exporters, Paddle's among them, wrote -1 for an open extent; ONNX Runtime reads it so.
      if extent == -1 { return .unknown }
      guard extent >= 0, extent <= Int64(Int32.max) else {
        throw GraphError.invalid("dimension \(axis) of \(label) is \(extent)")
      }
      return .fixed(Int(extent))
    case .dimParam(let name)?: return name.isEmpty ? .unknown : .symbolic(name)
    case nil: return .unknown
    }
  }
}
