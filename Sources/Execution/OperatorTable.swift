import Graph

/// From the name of an operator to its meaning.
enum OperatorTable {
  /// Every operator that is supported; a file of `Operators` each line.
  static let all: [any Operator.Type] =
    convolutions + pools + activations + arithmetic + reductions + normalizations + products
    + shapes + movements + selections + constants + indexing + quantization + quantizedOperators
    + packedCodes + training

  private static let entries: [String: [(OperatorSignature, any Operator.Type)]] = {
    var entries: [String: [(OperatorSignature, any Operator.Type)]] = [:]
    for type in all {
      for signature in type.signatures {
        entries[key(signature.domain, signature.name), default: []].append((signature, type))
      }
    }
    return entries
  }()

  private static func key(_ domain: String, _ name: String) -> String { "\(domain):\(name)" }

  /// Reads a node.
  ///
  /// - Throws: ``GraphError`` that names the node: unsupported, or invalid.
  static func makeOperator(_ reader: NodeReader) throws -> any Operator {
    let node = reader.node
    if node.domain.isEmpty, !OperatorSignature.supportedOpsets.contains(reader.opset) {
      let supported = OperatorSignature.supportedOpsets
      throw reader.unsupported(
        "operator set \(reader.opset) is not supported; "
          + "\(supported.lowerBound) to \(supported.upperBound) are")
    }
    guard let candidates = entries[key(node.domain, node.operatorType)] else {
      throw reader.unsupported("the operator is not supported")
    }
    guard let (signature, type) = candidates.first(where: { $0.0.opsets.contains(reader.opset) })
    else {
      let known = candidates.map { "\($0.0.opsets.lowerBound) to \($0.0.opsets.upperBound)" }
      throw reader.unsupported(
        "operator set \(reader.opset) does not have the operator; \(known.joined(separator: ", ")) do"
      )
    }
    try signature.check(reader)
    return try type.init(reader)
  }

  /// The supported operators with the versions of their operator sets, by name.
  static var signatures: [OperatorSignature] {
    all.flatMap { $0.signatures }.sorted { ($0.domain, $0.name) < ($1.domain, $1.name) }
  }
}
