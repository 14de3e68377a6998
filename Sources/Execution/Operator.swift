import Graph
import Operations
import Tensors

/// The meaning of one ONNX operator, or of a few that differ in a function only.
///
/// An operator is made from a node when an executor is, which reads and checks the attributes for
/// the graph's version of the operator set, and then runs as often as is wanted.
protocol Operator: Sendable {
  /// The operators with this meaning.
  static var signatures: [OperatorSignature] { get }

  /// Reads the attributes.
  ///
  /// - Throws: ``GraphError`` that names the node.
  init(_ node: NodeReader) throws

  /// Checks the operands' types and shapes and computes the outputs.
  ///
  /// - Throws: ``GraphError`` that names the node, or what the backend throws.
  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?]
}

/// Up to this many elements a tensor that was made on the host is computed with there.
let hostOperandLimit = 256

extension Operator {
  /// Runs on the backend, or by the reference on the host when all operands are small and there
  /// already.
  func run<B: Backend>(
    _ operands: [Operand<B>?], on backend: B, label: NodeLabel
  ) throws -> [Operand<B>?] {
    let present = operands.compactMap { $0 }
    let small = present.compactMap { $0.smallTensor(limit: hostOperandLimit) }
    guard small.count == present.count else {
      return try run(OperatorCall(backend: backend, label: label, operands: operands))
    }
    var tensors = small.makeIterator()
    let call = OperatorCall(
      backend: ReferenceBackend.shared, label: label,
      operands: operands.map { $0 == nil ? nil : tensors.next().map { Operand($0) } })
    return try run(call).map { result in
      try result.map { Operand(try $0.tensor(from: ReferenceBackend.shared)) }
    }
  }
}
