import Tensors

/// A node on its way from one version of the operator set to a newer one.
struct NodeRewriting {
  /// The node.
  var node: Node
  /// How messages name the node: as it was.
  let label: String
  /// Whether the node is a Resize that was an Upsample.
  var onlyGrows = false
  /// Nodes that must stand before it.
  var before: [Node] = []
  /// Nodes that must stand after it.
  var after: [Node] = []
  /// The graph's constants; changes add to them.
  var constants: [String: Tensor]
  /// Values that somebody reads.
  let read: Set<String>
  /// Names in use.
  var names: ValueNames
  /// The graph as it was.
  let graph: Graph
  /// How many dimensions the graph's values have.
  var ranks: Ranks

  init(
    node: Node, constants: [String: Tensor], read: Set<String>, names: ValueNames, graph: Graph,
    ranks: Ranks
  ) {
    self.ranks = ranks
    self.node = node
    label = "node '\(node.label)' (\(node.operatorType))"
    self.constants = constants
    self.read = read
    self.names = names
    self.graph = graph
  }

  /// An error that names the node.
  func unsupported(_ reason: String) -> GraphError {
    .unsupported("\(label) \(reason)")
  }

  // MARK: Attributes

  /// Takes an attribute away.
  mutating func takeInts(_ name: String) -> [Int]? {
    if case .ints(let values)? = node.attributes.removeValue(forKey: name) { values } else { nil }
  }

  /// Takes an attribute away.
  mutating func takeInt(_ name: String) -> Int? {
    if case .int(let value)? = node.attributes.removeValue(forKey: name) { value } else { nil }
  }

  /// Takes an attribute away.
  mutating func takeFloat(_ name: String) -> Float? {
    if case .float(let value)? = node.attributes.removeValue(forKey: name) { value } else { nil }
  }

  /// An attribute's text.
  func string(_ name: String) -> String? {
    if case .string(let value)? = node.attributes[name] { value } else { nil }
  }

  // MARK: Inputs and outputs

  /// The name of an optional input that is there.
  func input(_ index: Int) -> String? {
    guard index < node.inputs.count, !node.inputs[index].isEmpty else { return nil }
    return node.inputs[index]
  }

  /// Makes a new constant the input at `index`; `purpose` becomes part of its name.
  mutating func setInput(_ index: Int, to tensor: Tensor, _ purpose: String) {
    while node.inputs.count <= index { node.inputs.append("") }
    let name = uniqueName(purpose)
    constants[name] = tensor
    node.inputs[index] = name
  }

  /// A new name that begins as the node's first output does.
  mutating func uniqueName(_ purpose: String) -> String {
    names.unique("\(node.outputs.first { !$0.isEmpty } ?? node.operatorType)_\(purpose)")
  }

  /// Whether somebody reads an output.
  func isRead(output index: Int) -> Bool {
    guard index < node.outputs.count else { return false }
    return read.contains(node.outputs[index]) && !node.outputs[index].isEmpty
  }

  /// `value` as a scalar of the type that the node's first input has.
  ///
  /// - Throws: ``GraphError`` when the type is not known to be floating point.
  func scalar(_ value: Float) throws(GraphError) -> Tensor {
    switch graph.floatingPointType(of: node.inputs.first ?? "") {
    case .float32?: return Tensor(scalar: value)
    case .float64?: return Tensor(scalar: Double(value))
    case .float16?:
      return Tensor([Float16(value).bitPattern], shape: [], as: .float16)
    case let type?:
      throw unsupported("has elements of type \(type)")
    case nil:
      throw unsupported("has elements of a type that the model does not state")
    }
  }
}
