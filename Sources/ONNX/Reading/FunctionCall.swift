internal import ONNXProto

/// One call of a model's function, on its way to becoming the function's nodes.
struct FunctionCall {
  private let function: FunctionProto
  private let prefix: String
  private let attributes: [String: AttributeProto]
  private var actualNames: [String: String] = ["": ""]
  private var passedThrough: [(from: String, to: String)] = []

  init(of function: FunctionProto, by node: NodeProto, prefix: String) {
    self.function = function
    self.prefix = prefix
    var attributes: [String: AttributeProto] = [:]
    for attribute in function.attributeProto + node.attribute {
      attributes[attribute.name] = attribute
    }
    self.attributes = attributes
    for (index, name) in function.input.enumerated() {
      actualNames[name] = index < node.input.count ? node.input[index] : ""
    }
    for (index, name) in function.output.enumerated()
    where index < node.output.count && !node.output[index].isEmpty {
      if let input = actualNames[name] {
        passedThrough.append((from: input, to: node.output[index]))
      } else {
        actualNames[name] = node.output[index]
      }
    }
  }

  /// The function's nodes with the call's names and attributes.
  func body() -> [NodeProto] {
    var nodes = function.node.map(substituted)
    for (index, value) in passedThrough.enumerated() {
      var identity = NodeProto()
      identity.opType = "Identity"
      identity.name = "\(prefix)Identity_\(index)"
      identity.input = [value.from]
      identity.output = [value.to]
      nodes.append(identity)
    }
    return nodes
  }

  private func actual(_ name: String) -> String {
    actualNames[name] ?? prefix + name
  }

  private func substituted(_ node: NodeProto) -> NodeProto {
    var node = node
    if !node.name.isEmpty { node.name = prefix + node.name }
    node.input = node.input.map(actual)
    node.output = node.output.map(actual)
    node.attribute = node.attribute.compactMap { attribute in
      var attribute = attribute
      if !attribute.refAttrName.isEmpty {
        guard var value = attributes[attribute.refAttrName] else { return nil }
        value.name = attribute.name
        attribute = value
      } else if attribute.hasG {
        attribute.g = substituted(attribute.g)
      }
      return attribute
    }
    return node
  }

  private func substituted(_ graph: GraphProto) -> GraphProto {
    var graph = graph
    graph.node = graph.node.map(substituted)
    for index in graph.input.indices { graph.input[index].name = actual(graph.input[index].name) }
    for index in graph.output.indices {
      graph.output[index].name = actual(graph.output[index].name)
    }
    for index in graph.valueInfo.indices {
      graph.valueInfo[index].name = actual(graph.valueInfo[index].name)
    }
    for index in graph.initializer.indices {
      graph.initializer[index].name = actual(graph.initializer[index].name)
    }
    return graph
  }
}
