import Graph

/// What a node of one operator may look like; checked before anything is computed.
struct OperatorSignature: Sendable {
  /// The kind of an attribute's value.
  enum Kind: String, Sendable {
    case int, float, string, tensor, graph, ints, floats, strings
  }

  /// The operator, for example `Conv`.
  let name: String
  /// Its domain; `""` for ONNX's own.
  let domain: String
  /// Versions of the domain's operator set in which the operator exists and is supported.
  let opsets: ClosedRange<Int>
  /// How many inputs it may have, left-out ones included.
  let inputs: ClosedRange<Int>
  /// How many leading inputs may not be left out.
  let required: Int
  /// How many outputs it may have.
  let outputs: ClosedRange<Int>
  /// Its attributes in all of these versions.
  let attributes: [String: Kind]

  /// The versions of ONNX's own operator set that are supported. Versions 26 and 27 changed nothing
  /// but Range among the operators that are.
  static let supportedOpsets = 7...27

  /// - Parameters:
  ///   - since: The version that introduced the operator.
  ///   - until: The last version that has it, where it was removed.
  init(
    _ name: String, domain: String = "", since: Int = 1, until: Int? = nil,
    inputs: ClosedRange<Int> = 1...1, required: Int? = nil, outputs: ClosedRange<Int> = 1...1,
    attributes: [String: Kind] = [:]
  ) {
    let supported = domain.isEmpty ? Self.supportedOpsets : 1...1
    self.name = name
    self.domain = domain
    self.opsets = max(since, supported.lowerBound)...min(until ?? Int.max, supported.upperBound)
    self.inputs = inputs
    self.required = required ?? inputs.lowerBound
    self.outputs = outputs
    self.attributes = attributes
  }

  /// Checks the number of inputs and outputs and the names and kinds of the attributes.
  func check(_ node: NodeReader) throws {
    let inputs = node.node.inputs
    guard self.inputs.contains(inputs.count) else {
      throw node.invalid("\(inputs.count) inputs where \(Self.describe(self.inputs)) are allowed")
    }
    for (index, name) in inputs.prefix(required).enumerated() where name.isEmpty {
      throw node.invalid("input \(index) is left out")
    }
    guard self.outputs.contains(node.node.outputs.count) else {
      throw node.invalid(
        "\(node.node.outputs.count) outputs where \(Self.describe(self.outputs)) are allowed")
    }
    for (name, value) in node.node.attributes.sorted(by: { $0.key < $1.key }) {
      guard let kind = attributes[name] else {
        throw node.unsupported("attribute '\(name)' is not supported")
      }
      guard value.kind == kind || value.isEmptyList(of: kind) else {
        throw node.invalid(
          "attribute '\(name)' is of kind \(value.kind.rawValue), not \(kind.rawValue)")
      }
    }
  }

  private static func describe(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
    if range.upperBound == Int.max { return "\(range.lowerBound) or more" }
    return "\(range.lowerBound) to \(range.upperBound)"
  }
}

extension Attribute {
  /// What kind of value it is.
  var kind: OperatorSignature.Kind {
    switch self {
    case .int: .int
    case .float: .float
    case .string: .string
    case .tensor: .tensor
    case .graph: .graph
    case .ints: .ints
    case .floats: .floats
    case .strings: .strings
    }
  }

  /// Whether it is an empty list that a file cannot tell from one of another kind.
  func isEmptyList(of kind: OperatorSignature.Kind) -> Bool {
    let isList = [.ints, .floats, .strings].contains(kind)
    switch self {
    case .ints(let list): return isList && list.isEmpty
    case .floats(let list): return isList && list.isEmpty
    case .strings(let list): return isList && list.isEmpty
    default: return false
    }
  }
}
