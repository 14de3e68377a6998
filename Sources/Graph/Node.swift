public import Tensors

/// One operator of a graph.
public struct Node: Sendable, Equatable {
  /// The node's name; may be empty, see ``label``.
  public var name: String

  /// The operator, for example `Conv`.
  public var operatorType: String

  /// The operator's domain; `""` for ONNX's own.
  public var domain: String

  /// Names of the values read; an empty name is an optional input that is left out.
  public var inputs: [String]

  /// Names of the values written; an empty name is an optional output that nobody wants.
  public var outputs: [String]

  /// Attributes by name.
  public var attributes: [String: Attribute]

  /// ONNX's `doc_string` of the node.
  public var documentation: String

  /// The node's free-form properties; ONNX's `metadata_props`.
  public var metadata: [String: String]

  /// Makes a node.
  public init(
    name: String = "", _ operatorType: String, domain: String = "", inputs: [String],
    outputs: [String], attributes: [String: Attribute] = [:], documentation: String = "",
    metadata: [String: String] = [:]
  ) {
    self.name = name
    self.operatorType = operatorType
    self.domain = domain
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.documentation = documentation
    self.metadata = metadata
  }

  /// How messages name the node: its name, or what it writes when it has none.
  public var label: String {
    name.isEmpty ? "\(operatorType) -> \(outputs.first { !$0.isEmpty } ?? "nothing")" : name
  }
}

/// The value of a node's attribute.
public enum Attribute: Sendable, Equatable {
  case int(Int)
  case float(Float)
  case string(String)
  case tensor(Tensor)
  case graph(Graph)
  case ints([Int])
  case floats([Float])
  case strings([String])
}
