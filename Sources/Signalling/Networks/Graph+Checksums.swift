import Checksums
public import Graph
import Tensors

extension Graph {
  /// The CRC-32 of all signalled numbers: for each operand scales, codes of zero and codes, each tensor
  /// once, as little-endian bytes.
  func signalledChecksum(_ operands: [SignalledOperand]) -> UInt32 {
    var crc = CRC32()
    var seen: Set<String> = []
    for name in operands.flatMap(\.initializers) where seen.insert(name).inserted {
      initializers[name]?.withBytes { crc.update($0) }
    }
    return crc.value
  }

  /// The CRC-32 of everything else: operators, attributes, connections, shapes and types of constants,
  /// other constants. The order of nodes counts, of independent ones as well. Names do not count, nor do
  /// the extents of the graph's inputs, so that a network is the same for pictures of any size.
  func signalledTopologyChecksum(_ operands: [SignalledOperand]) throws(GraphError) -> UInt32 {
    var description = TopologyDescription(
      self, signalled: Set(operands.flatMap(\.initializers)))
    try description.describe()
    return description.crc.value
  }

  /// The same with the graph's own operands; what an update and its base must share.
  ///
  /// - Throws: `GraphError` naming the node for a graph that cannot be signalled.
  public func signalledTopologyChecksum() throws(GraphError) -> UInt32 {
    try signalledTopologyChecksum(signalledOperands())
  }
}

/// A graph in a form that does not depend on names, nor on the extents of inputs.
private struct TopologyDescription {
  let graph: Graph
  let signalled: Set<String>
  var crc = CRC32()
  private var numbers: [String: Int] = [:]

  init(_ graph: Graph, signalled: Set<String>) {
    self.graph = graph
    self.signalled = signalled
  }

  mutating func describe() throws(GraphError) {
    for (domain, version) in graph.opsets.sorted(by: { $0.key < $1.key }) {
      append("opset \(domain) \(version)")
    }
    for input in graph.inputs {
      append("input \(number(of: input.name)) \(input.elementType) \(input.shape?.count ?? -1)")
    }
    for node in try graph.sortedNodes() {
      append("node \(node.domain) \(node.operatorType)")
      for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
        try append(attribute, name, of: node)
      }
      for name in node.inputs { read(name) }
      for name in node.outputs { append("writes \(name.isEmpty ? -1 : number(of: name))") }
    }
    for output in graph.outputs { append("output \(number(of: output.name))") }
  }

  private mutating func read(_ name: String) {
    let isFirst = numbers[name] == nil
    append("reads \(name.isEmpty ? -1 : number(of: name))")
    guard isFirst, let tensor = graph.initializers[name] else { return }
    append("constant \(tensor.description) \(signalled.contains(name))")
    if !signalled.contains(name) { append(tensor) }
  }

  private mutating func append(
    _ attribute: Attribute, _ name: String, of node: Node
  ) throws(GraphError) {
    switch attribute {
    case .int(let value): append("\(name) int \(value)")
    case .float(let value): append("\(name) float \(value.bitPattern)")
    case .string(let value): append("\(name) string \(value)")
    case .ints(let values): append("\(name) ints \(values)")
    case .floats(let values): append("\(name) floats \(values.map(\.bitPattern))")
    case .strings(let values): append("\(name) strings \(values)")
    case .tensor(let tensor):
      append("\(name) tensor \(tensor.description)")
      append(tensor)
    case .graph:
      throw .unsupported(
        "node '\(node.label)' (\(node.operatorType)): networks with graphs inside of nodes cannot "
          + "be signalled")
    }
  }

  private mutating func append(_ tensor: Tensor) { tensor.withBytes { crc.update($0) } }

  private mutating func append(_ line: String) { crc.update(Array(line.utf8) + [10]) }

  private mutating func number(of name: String) -> Int {
    if let known = numbers[name] { return known }
    numbers[name] = numbers.count
    return numbers.count - 1
  }
}
