import Graph
import Tensors

/// A node with the version of its operator set: what an operator is made from.
struct NodeReader: Sendable {
  /// The node.
  let node: Node
  /// The version of the operator set that the graph imports for the node's domain.
  let opset: Int

  /// How messages name the node.
  var label: NodeLabel { NodeLabel(node, opset: opset) }

  /// Whether the optional input at `index` is there.
  func hasInput(_ index: Int) -> Bool {
    index < node.inputs.count && !node.inputs[index].isEmpty
  }

  /// Whether somebody wants the output at `index`.
  func hasOutput(_ index: Int) -> Bool {
    index < node.outputs.count && !node.outputs[index].isEmpty
  }

  // MARK: Attributes; the signature has checked their kinds

  func int(_ name: String) -> Int? {
    if case .int(let value)? = node.attributes[name] { value } else { nil }
  }

  func int(_ name: String, default other: Int) -> Int { int(name) ?? other }

  /// An attribute that is 0 or 1.
  func flag(_ name: String, default other: Bool = false) -> Bool {
    int(name).map { $0 != 0 } ?? other
  }

  func float(_ name: String) -> Float? {
    if case .float(let value)? = node.attributes[name] { value } else { nil }
  }

  func float(_ name: String, default other: Float) -> Float { float(name) ?? other }

  func string(_ name: String) -> String? {
    if case .string(let value)? = node.attributes[name] { value } else { nil }
  }

  func string(_ name: String, default other: String) -> String { string(name) ?? other }

  func ints(_ name: String) -> [Int]? {
    switch node.attributes[name] {
    case .ints(let values)?: values
    case .floats(let values)? where values.isEmpty: []
    case .strings(let values)? where values.isEmpty: []
    default: nil
    }
  }

  func floats(_ name: String) -> [Float]? {
    switch node.attributes[name] {
    case .floats(let values)?: values
    case .ints(let values)? where values.isEmpty: []
    case .strings(let values)? where values.isEmpty: []
    default: nil
    }
  }

  func tensor(_ name: String) -> Tensor? {
    if case .tensor(let value)? = node.attributes[name] { value } else { nil }
  }

  /// An attribute without a default.
  func required<Value>(_ name: String, _ value: Value?) throws -> Value {
    guard let value else { throw invalid("attribute '\(name)' is missing") }
    return value
  }

  /// An attribute that is one of a few words.
  func choice<Value>(_ name: String, default other: String, _ choices: [String: Value]) throws
    -> Value
  {
    let word = string(name, default: other)
    guard let value = choices[word] else {
      throw unsupported(
        "attribute '\(name)' is '\(word)'; known are \(choices.keys.sorted().joined(separator: ", "))"
      )
    }
    return value
  }

  // MARK: Errors

  func invalid(_ message: String) -> GraphError { .invalid("\(label): \(message)") }

  func unsupported(_ message: String) -> GraphError { .unsupported("\(label): \(message)") }
}

/// How messages name a node: `node 'conv1' (Conv, opset 13)`.
struct NodeLabel: Sendable, CustomStringConvertible {
  let description: String

  init(_ node: Node, opset: Int) {
    let name = node.domain.isEmpty ? node.operatorType : "\(node.domain).\(node.operatorType)"
    description = "node '\(node.label)' (\(name), opset \(opset))"
  }
}
