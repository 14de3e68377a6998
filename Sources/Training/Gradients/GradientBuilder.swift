import Execution
import Graph
import Tensors

/// The backward pass of a graph while it is being written.
struct GradientBuilder {
  /// Shapes of the graph's own values.
  private let shapes: [String: GraphAnalysis.ValueShape]
  /// The values whose derivatives are needed to reach those that were asked for.
  private var needed: Set<String>
  /// The nodes so far, the graph's own excluded.
  private var nodes: [Node] = []
  private var initializers: [String: Tensor] = [:]
  private var names: ValueNames
  /// What has been found of each value's derivative; the derivative is the sum.
  private var parts: [String: [String]] = [:]
  private let constants: [String: Tensor]

  init(
    _ graph: Graph, for values: Set<String>, extents: [String: Int],
    stoppingAt barriers: Set<String>
  ) throws {
    shapes = try GraphAnalysis(of: graph, extents: extents).shapes
    names = ValueNames(of: graph)
    constants = graph.initializers
    needed = values
    for node in try graph.sortedNodes() where node.inputs.contains(where: needed.contains) {
      needed.formUnion(node.outputs.filter { !barriers.contains($0) })
    }
  }

  /// Begins at the loss, whose derivative by itself is 1.
  mutating func start(from loss: String) {
    let shape = shapes[loss]?.shape ?? []
    parts[loss] = [constant(Tensor(repeating: Float(1), shape: shape))]
  }

  /// Carries derivatives over a node, from its outputs to its inputs.
  mutating func visit(_ node: Node) throws {
    guard node.inputs.contains(where: needed.contains),
      node.outputs.contains(where: { parts[$0] != nil })
    else { return }
    guard node.domain.isEmpty || node.domain == OperatorDomain.lowBit,
      let rule = GradientTable.rules[node.operatorType]
    else {
      throw GraphError.unsupported(
        "node '\(node.label)' (\(node.operatorType)) has no derivative: it cannot be trained through"
      )
    }
    try rule(&self, node)
  }

  /// The graph with the backward pass.
  func finished(_ graph: Graph) -> Graph {
    var graph = graph
    graph.nodes += nodes
    graph.initializers.merge(initializers) { $1 }
    return graph
  }

  // MARK: Values

  /// Whether the derivative of `value` is needed.
  func needs(_ value: String) -> Bool { needed.contains(value) }

  /// The shape of one of the graph's own values.
  func shape(of value: String) throws -> [Int] {
    guard let shape = shapes[value]?.shape else {
      throw GraphError.unsupported("the shape of '\(value)' is not known before it is computed")
    }
    return shape
  }

  /// The constant that a value is, if it is one.
  func constant(of value: String) -> Tensor? { constants[value] ?? initializers[value] }

  /// The derivative of `value`; `nil` where nothing was found.
  mutating func gradient(of value: String) -> String? {
    guard let found = parts[value], let first = found.first else { return nil }
    let total = found.dropFirst().reduce(first) { emit("Add", [$0, $1]) }
    parts[value] = [total]
    return total
  }

  /// The derivative of a node's one output.
  mutating func gradient(of node: Node) -> String {
    guard let gradient = gradient(of: node.outputs[0]) else {
      preconditionFailure("'\(node.label)' is visited before its readers")
    }
    return gradient
  }

  /// Adds to the derivative of `value` what `body` writes, if it is needed.
  mutating func add(
    to value: String, _ body: (inout GradientBuilder) throws -> String
  ) rethrows {
    guard needs(value) else { return }
    let part = try body(&self)
    parts[value, default: []].append(part)
  }

  // MARK: Writing

  /// Writes a node with one output and returns its name.
  mutating func emit(
    _ operatorType: String, domain: String = "", _ inputs: [String],
    _ attributes: [String: Attribute] = [:]
  ) -> String {
    let output = names.unique("gradient/\(operatorType)")
    nodes.append(
      Node(
        operatorType, domain: domain, inputs: inputs, outputs: [output], attributes: attributes))
    return output
  }

  /// A constant.
  mutating func constant(_ tensor: Tensor) -> String {
    if let (name, _) = initializers.first(where: { $0.value == tensor }) { return name }
    let name = names.unique("gradient/constant")
    initializers[name] = tensor
    return name
  }

  /// A number.
  mutating func number(_ value: Float) -> String { constant(Tensor(scalar: value)) }

  /// A list of integers, as shapes and axes are given.
  mutating func list(_ values: [Int]) -> String { constant(Tensor(values.map(Int64.init))) }

  /// `value`, whatever its shape, as `shape`.
  mutating func reshape(_ value: String, to shape: [Int]) -> String {
    emit("Reshape", [value, list(shape)], ["allowzero": .int(1)])
  }

  /// The derivative `gradient` of something of shape `from` that was broadcast from `shape`: summed
  /// over what was repeated.
  mutating func sum(_ gradient: String, of from: [Int], to shape: [Int]) -> String {
    guard from != shape else { return gradient }
    let aligned = Array(repeating: 1, count: from.count - shape.count) + shape
    let axes = from.indices.filter { aligned[$0] == 1 && from[$0] != 1 }
    let total = axes.isEmpty ? gradient : emit("ReduceSum", [gradient, list(axes)])
    return reshape(total, to: shape)
  }

  /// Adds `gradient`, which has the shape of `node`'s output, to input `index`, from which the output
  /// was broadcast.
  mutating func addBroadcast(
    _ node: Node, _ index: Int, _ body: (inout GradientBuilder) throws -> String
  ) throws {
    let (from, to) = (try shape(of: node.outputs[0]), try shape(of: node.inputs[index]))
    try add(to: node.inputs[index]) { builder in
      let gradient = try body(&builder)
      return builder.sum(gradient, of: from, to: to)
    }
  }
}
