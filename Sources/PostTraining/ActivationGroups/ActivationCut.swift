import Graph
import Tensors

/// A graph while activations are cut into groups of channels.
struct ActivationCut {
  private(set) var outcome = ActivationGroups()
  /// The activations, in the order in which products read them.
  private(set) var values: [String] = []
  private var graph: Graph
  private var names: ValueNames
  /// The products that read an activation.
  private var products: [String: [Int]] = [:]
  private var additions: [Node] = []

  init(_ graph: Graph) {
    self.graph = graph
    names = ValueNames(of: graph)
  }

  /// Says that node `number` is a product with a constant matrix whose data are to be cut.
  mutating func add(_ number: Int) {
    let value = graph.nodes[number].inputs[0]
    if products[value] == nil { values.append(value) }
    products[value, default: []].append(number)
  }

  /// Cuts every activation that has an order; the graph.
  mutating func apply(_ orders: [String: ChannelOrder]) throws -> Graph {
    outcome.unknown = values.filter { orders[$0] == nil }
    // All channels are in order before products are copied: a product can give what another reads.
    var sources: [String: String] = [:]
    for value in values {
      if let order = orders[value] { sources[value] = reorder(value, order) }
    }
    var removed: Set<Int> = []
    for value in values {
      guard let order = orders[value], let source = sources[value] else { continue }
      let parts = split(source, order.sizes)
      for number in products[value] ?? [] {
        addProduct(graph.nodes[number], parts, order)
        removed.insert(number)
        outcome.products += 1
        outcome.parts += parts.count
      }
    }
    graph.nodes =
      graph.nodes.indices.filter { !removed.contains($0) }.map { graph.nodes[$0] } + additions
    graph.nodes = try graph.sortedNodes()
    let used = Set(graph.nodes.flatMap(\.inputs)).union(graph.outputs.map(\.name))
    graph.initializers = graph.initializers.filter { used.contains($0.key) }
    return graph
  }

  private mutating func constant(_ tensor: Tensor, _ base: String) -> String {
    let name = names.unique(base)
    graph.initializers[name] = tensor
    return name
  }

  /// Brings the channels of a value into order; the name of the result.
  private mutating func reorder(_ value: String, _ order: ChannelOrder) -> String {
    guard !order.isIdentity else {
      outcome.inOrder.append(value)
      return value
    }
    let readers = Set(products[value] ?? [])
    let region = PermutableRegion(
      before: value, channels: order.channels.count, readers: readers, in: GraphIndex(graph))
    guard let region else {
      outcome.gathered.append(value)
      let places = constant(Tensor(order.channels.map(Int64.init)), "\(value)_order")
      let result = names.unique("\(value)_reordered")
      additions.append(
        Node(
          name: names.unique("\(value)_gather"), "Gather", inputs: [value, places],
          outputs: [result], attributes: ["axis": .int(-1)]))
      return result
    }
    outcome.folded.append(value)
    for (number, input, axis) in region.constants {
      let name = graph.nodes[number].inputs[input]
      guard let tensor = graph.initializers[name] else { continue }
      graph.nodes[number].inputs[input] = constant(
        tensor.taking(order.channels, along: axis), "\(name)_reordered")
    }
    // What is in another order has another name: no channels are compared with others.
    var renamed: [String: String] = [:]
    for name in region.values.sorted() {
      renamed[name] = names.unique("\(name)_reordered")
      graph.valueInfo[name] = nil
    }
    for number in graph.nodes.indices where !readers.contains(number) {
      graph.nodes[number].inputs = graph.nodes[number].inputs.map { renamed[$0] ?? $0 }
      graph.nodes[number].outputs = graph.nodes[number].outputs.map { renamed[$0] ?? $0 }
    }
    return renamed[value] ?? value
  }

  /// Cuts a value along its last axis; the names of the parts.
  private mutating func split(_ value: String, _ sizes: [Int]) -> [String] {
    let parts = sizes.indices.map { names.unique("\(value)_group\($0 + 1)") }
    let extents = constant(Tensor(sizes.map(Int64.init)), "\(value)_groups")
    additions.append(
      Node(
        name: names.unique("\(value)_split"), "Split", inputs: [value, extents], outputs: parts,
        attributes: ["axis": .int(-1)]))
    return parts
  }

  /// Adds a product as the sum of its parts.
  private mutating func addProduct(_ node: Node, _ parts: [String], _ order: ChannelOrder) {
    guard let matrix = graph.initializers[node.inputs[1]] else {
      preconditionFailure("'\(node.label)' was planned with a constant matrix")
    }
    let axis = node.integer("transB", default: 0) != 0 ? 1 : 0
    var sum = ""
    var first = 0
    for (number, part) in parts.enumerated() {
      let rows = order.channels[first..<first + order.sizes[number]]
      first += order.sizes[number]
      let suffix = "group\(number + 1)"
      var copy = node
      copy.name = names.unique("\(node.label)_\(suffix)")
      copy.metadata[Node.partKey] = node.label
      copy.inputs[0] = part
      copy.inputs[1] = constant(matrix.taking(rows, along: axis), "\(node.inputs[1])_\(suffix)")
      // A part without a bias gets one that is 0, for the mean error of its weights.
      if number > 0, node.inputs.count > 2, let bias = graph.initializers[node.inputs[2]] {
        copy.inputs[2] = constant(
          Tensor(repeating: Float(0), shape: bias.shape), "\(node.inputs[2])_\(suffix)")
      }
      let isLast = number == parts.count - 1
      copy.outputs = [names.unique("\(node.outputs[0])_\(suffix)")]
      additions.append(copy)
      guard number > 0 else {
        sum = copy.outputs[0]
        continue
      }
      let result = isLast ? node.outputs[0] : names.unique("\(node.outputs[0])_sum\(number + 1)")
      additions.append(
        Node(
          name: names.unique("\(node.label)_add\(number + 1)"), "Add",
          inputs: [sum, copy.outputs[0]], outputs: [result]))
      sum = result
    }
  }
}
