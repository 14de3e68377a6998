internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import Tensors

/// Turns a `NodeProto` into a ``Node``.
struct NodeReader {
  /// Reads tensors.
  let tensors: TensorReader

  /// What messages put before names; empty in the model's own graph.
  let context: String

  /// The node; tensors among its attributes give up their bytes.
  func node(_ proto: inout NodeProto) throws -> Node {
    var node = Node(
      name: proto.name, proto.opType, domain: normalizedDomain(proto.domain), inputs: proto.input,
      outputs: proto.output, documentation: proto.docString)
    guard !node.operatorType.isEmpty else {
      throw GraphError.invalid("\(context)node '\(node.label)' names no operator")
    }
    let label = "\(context)node '\(node.label)' (\(node.operatorType))"
    node.metadata = try properties(proto.metadataProps, of: label)
    for index in proto.attribute.indices {
      let name = proto.attribute[index].name
      let value = try attribute(&proto.attribute[index], label: "attribute '\(name)' of \(label)")
      guard node.attributes.updateValue(value, forKey: name) == nil else {
        throw GraphError.invalid("\(label) has the attribute '\(name)' twice")
      }
    }
    return node
  }

  private func attribute(_ proto: inout AttributeProto, label: String) throws -> Attribute {
    guard proto.refAttrName.isEmpty else {
      throw GraphError.invalid("\(label) refers to a function's attribute outside a function")
    }
    switch kind(of: proto) {
    case .int: return .int(Int(proto.i))
    case .float: return .float(proto.f)
    case .string: return .string(try text(proto.s, label: label))
    case .tensor: return .tensor(try tensors.tensor(&proto.t, label: label))
    case .graph:
      let reader = GraphReader(tensors: tensors, context: "\(label): ")
      return .graph(try reader.graph(&proto.g))
    case .ints: return .ints(proto.ints.map(Int.init))
    case .floats: return .floats(proto.floats)
    case .strings: return .strings(try proto.strings.map { try text($0, label: label) })
    case let kind:
      throw GraphError.unsupported("\(label) is of the kind \(kind)")
    }
  }

  /// The attribute's kind; very old models do not state it.
  private func kind(of proto: AttributeProto) -> AttributeProto.AttributeType {
    if proto.type != .undefined { return proto.type }
    if proto.hasI { return .int }
    if proto.hasF { return .float }
    if proto.hasS { return .string }
    if proto.hasT { return .tensor }
    if proto.hasG { return .graph }
    if !proto.ints.isEmpty { return .ints }
    if !proto.floats.isEmpty { return .floats }
    if !proto.strings.isEmpty { return .strings }
    return .undefined
  }

  private func text(_ bytes: Data, label: String) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw GraphError.unsupported("\(label) is not UTF-8 text")
    }
    return text
  }
}

// MARK: - Constant nodes

extension NodeReader {
  /// The tensor that a `Constant` node stands for; `nil` for any other node.
  func constant(_ node: Node) throws -> Tensor? {
    guard node.operatorType == "Constant", node.domain.isEmpty else { return nil }
    let label = "\(context)node '\(node.label)' (Constant)"
    guard node.inputs.isEmpty, node.outputs.count == 1, !node.outputs[0].isEmpty else {
      throw GraphError.invalid("\(label) must have one output and no input")
    }
    guard node.attributes.count == 1, let (name, value) = node.attributes.first else {
      throw GraphError.invalid("\(label) must have exactly one attribute")
    }
    switch (name, value) {
    case ("value", .tensor(let tensor)): return tensor
    case ("value_float", .float(let value)): return Tensor(scalar: value)
    case ("value_floats", .floats(let values)): return Tensor(values)
    case ("value_int", .int(let value)): return Tensor(scalar: Int64(value))
    case ("value_ints", .ints(let values)): return Tensor(values.map(Int64.init))
    case ("value_string", _), ("value_strings", _):
      throw GraphError.unsupported("\(label) is a tensor of strings")
    default: throw GraphError.invalid("\(label) has the attribute '\(name)' of a wrong kind")
    }
  }
}
