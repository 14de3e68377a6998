import Graph

/// A node that the executor cannot run.
public struct UnsupportedNode: Sendable, Hashable {
  /// The node's label.
  public let label: String
  /// The operator, with its domain where that is not ONNX's own.
  public let operatorType: String
  /// The version of the operator set.
  public let opset: Int
  /// The whole message, which names all of these and the reason.
  public let message: String
}

extension Graph {
  /// The version of `domain`'s operator set that the graph imports.
  func opset(of domain: String) -> Int? {
    opsets[domain] ?? (domain.isEmpty ? opsets["ai.onnx"] : nil)
  }

  /// The node with the version of its operator set.
  ///
  /// - Throws: ``GraphError`` when the graph does not import the node's domain.
  func reader(of node: Node) throws(GraphError) -> NodeReader {
    var node = node
    if node.domain == "ai.onnx" { node.domain = "" }
    guard let opset = opset(of: node.domain) else {
      throw .invalid(
        "node '\(node.label)' (\(node.operatorType)) is of domain '\(node.domain)', "
          + "of which the model imports no operator set")
    }
    return NodeReader(node: node, opset: opset)
  }

  /// The nodes that the executor cannot run, in the graph's order.
  ///
  /// - Throws: ``GraphError`` for a node that breaks a rule.
  package func unsupportedNodes() throws -> [UnsupportedNode] {
    var unsupported: [UnsupportedNode] = []
    for node in nodes {
      let reader = try reader(of: node)
      do {
        _ = try OperatorTable.makeOperator(reader)
      } catch let error as GraphError where error.kind == .unsupported {
        let type = node.domain.isEmpty ? node.operatorType : "\(node.domain).\(node.operatorType)"
        unsupported.append(
          UnsupportedNode(
            label: node.label, operatorType: type, opset: reader.opset, message: error.description))
      }
    }
    return unsupported
  }

  /// Makes sure that every node is one that the executor can run, with the inputs, outputs and attributes
  /// that its operator has: what else reads nodes relies on them.
  ///
  /// - Throws: ``GraphError``: for a broken rule, or one message with every unsupported node.
  package func requireSupportedNodes() throws {
    let unsupported = try unsupportedNodes()
    guard !unsupported.isEmpty else { return }
    let lines = unsupported.map(\.message).joined(separator: "\n  ")
    throw GraphError.unsupported(
      unsupported.count == 1
        ? lines : "\(unsupported.count) nodes are not supported:\n  \(lines)")
  }
}
