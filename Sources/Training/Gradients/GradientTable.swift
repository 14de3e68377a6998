import Graph

/// Writes the nodes that carry a derivative from a node's outputs to its inputs.
typealias GradientRule = @Sendable (inout GradientBuilder, Node) throws -> Void

/// For every operator that can be trained through, its derivative.
///
/// An entry of ``elementwise`` is the derivative of a function of one value by the chain rule: what
/// the derivative of the output is multiplied by.
enum GradientTable {
  /// The rule of each operator.
  static let rules: [String: GradientRule] =
    elementwise.merging(arithmetic) { $1 }.merging(products) { $1 }.merging(movements) { $1 }
    .merging(reductions) { $1 }.merging(pools) { $1 }.merging(quantizers) { $1 }
}

extension Node {
  /// An integer attribute.
  func integer(_ name: String, default other: Int) -> Int {
    if case .int(let value)? = attributes[name] { value } else { other }
  }

  /// A real attribute.
  func real(_ name: String, default other: Float) -> Float {
    if case .float(let value)? = attributes[name] { value } else { other }
  }

  /// A list of integers.
  func integers(_ name: String) -> [Int]? {
    if case .ints(let values)? = attributes[name] { values } else { nil }
  }

  /// A word.
  func word(_ name: String) -> String? {
    if case .string(let value)? = attributes[name] { value } else { nil }
  }

  /// Whether the optional input at `index` is there.
  func hasInput(_ index: Int) -> Bool { index < inputs.count && !inputs[index].isEmpty }

  /// An error about the node's derivative.
  func hasNoDerivative(_ why: String) -> GraphError {
    .unsupported("node '\(label)' (\(operatorType)) has no derivative here: \(why)")
  }
}
