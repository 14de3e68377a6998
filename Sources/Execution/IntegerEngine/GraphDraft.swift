import Graph
import Quantization
import Tensors

/// A graph, what is known about it, and the nodes and constants of the graph that is written in its
/// place.
struct GraphDraft {
  /// The old graph, its nodes in order.
  let source: Graph
  let index: GraphIndex
  let constants: GraphConstants
  /// What is known about the shapes of the old graph's values.
  let values: [String: ValueInfo]
  fileprivate var names: ValueNames
  fileprivate(set) var nodes: [Node] = []
  fileprivate(set) var initializers: [String: Tensor]

  init(_ graph: Graph) throws {
    var sorted = graph
    sorted.nodes = try graph.sortedNodes()
    source = sorted
    index = GraphIndex(sorted)
    constants = GraphConstants(sorted)
    values = try sorted.namedValues()
    names = ValueNames(of: sorted)
    initializers = sorted.initializers
  }

  /// The new graph, without nodes that nobody reads.
  func finished() -> Graph {
    var graph = source
    graph.nodes = nodes
    graph.initializers = initializers
    for domain in [OperatorDomain.lowBit, OperatorDomain.microsoft]
    where graph.opsets[domain] == nil && nodes.contains(where: { $0.domain == domain }) {
      graph.opsets[domain] = 1
    }
    graph.removeDeadNodes()
    return graph
  }
}

/// Whatever rewrites a graph node by node.
protocol GraphWriter {
  var draft: GraphDraft { get set }
  /// How sums become codes.
  var mode: Requantization { get }
}

extension GraphWriter {
  var source: Graph { draft.source }
  var index: GraphIndex { draft.index }
  var constants: GraphConstants { draft.constants }
  var values: [String: ValueInfo] { draft.values }
  var initializers: [String: Tensor] { draft.initializers }

  /// A name that nobody has.
  mutating func unique(_ base: String) -> String { draft.names.unique(base) }

  /// Adds a constant under a name that nobody has.
  mutating func constant(_ tensor: Tensor, _ base: String) -> String {
    let name = draft.names.unique(base)
    draft.initializers[name] = tensor
    return name
  }

  /// Adds a node.
  mutating func append(_ node: Node) { draft.nodes.append(node) }

  /// The arithmetic around `node`.
  func requantizer(_ node: Node) -> Requantizer { Requantizer(mode: mode, node: node) }

  /// Past a Clip that alone reads `value`: what it writes, and the codes, as stored, that are left.
  func clipped(_ value: String, _ quantizer: ConstantQuantizer) -> (String, ClosedRange<Int>) {
    guard let reader = index.onlyReader(of: value), case let node = index.nodes[reader],
      node.operatorType == "Clip", node.domain.isEmpty,
      let range = codeBounds(of: node, quantizer.type)
    else { return (value, quantizer.type.storedCodes) }
    return (node.outputs[0], range)
  }

  /// The bounds of a Clip of 8-bit codes, as stored.
  func codeBounds(of node: Node, _ type: ElementType) -> ClosedRange<Int>? {
    func bound(_ position: Int, _ otherwise: Int) -> Int? {
      guard node.inputs.count > position, !node.inputs[position].isEmpty else { return otherwise }
      guard let tensor = constants[node.inputs[position]], tensor.elementType == type,
        tensor.count == 1
      else { return nil }
      return tensor.integers()[0] + type.codeOffset(bits: 8)
    }
    guard let low = bound(1, 0), let high = bound(2, 255), low <= high else { return nil }
    return low...high
  }
}
