import Graph
import Operations

/// How large the values of a graph may be that comes from somebody else.
public struct ElementLimit: Sendable, Hashable {
  /// The most elements of all values that are there at the same time, constants aside.
  public var values: Int
  /// The most elements that a node whose operands are all constant may write beyond those that it reads.
  public var growth: Int

  /// A limit.
  public init(values: Int, growth: Int) {
    self.values = values
    self.growth = growth
  }
}

/// Follows which values of a graph are there while it runs, by their shapes alone, and stops where they
/// become too many.
struct LiveElements {
  private let limit: ElementLimit
  /// Nodes that have still to read a value; outputs of the graph are never released.
  private var readers: [String: Int] = [:]
  private var counts: [String: Int] = [:]
  private var constants: Set<String>
  private var live = 0

  init(of graph: Graph, _ limit: ElementLimit) {
    self.limit = limit
    constants = Set(graph.initializers.keys)
    counts = graph.initializers.mapValues(\.count)
    for node in graph.nodes {
      for name in Set(node.inputs) { readers[name, default: 0] += 1 }
    }
    for output in graph.outputs { readers[output.name, default: 0] += 1 }
  }

  /// An input of the graph is there.
  mutating func begin(_ name: String, _ shape: [Int]) throws(GraphError) {
    guard let count = Shapes.countBesideEmpty(shape), count <= limit.values - live else {
      throw .unsupported("the input '\(name)' of \(shape) is more than \(limit.values) elements")
    }
    counts[name] = count
    live += count
  }

  /// A node has read its operands and written values of these shapes.
  ///
  /// - Throws: `GraphError` naming the node, before anything of these sizes was made.
  mutating func run(_ node: Node, writing results: [(name: String, shape: [Int])])
    throws(GraphError)
  {
    let isConstant = node.inputs.allSatisfy { $0.isEmpty || constants.contains($0) }
    let read = Set(node.inputs).reduce(0) { $0 + (counts[$1] ?? 0) }
    for (name, shape) in results {
      let room = isConstant ? read + limit.growth : limit.values - live
      guard let count = Shapes.countBesideEmpty(shape), count <= room else {
        throw .unsupported(
          "node '\(node.label)' (\(node.operatorType)): its result of \(shape) is more elements than "
            + (isConstant
              ? "the \(read) constants that it reads and \(limit.growth) more"
              : "a network may have at once, \(limit.values)"))
      }
      counts[name] = count
      if isConstant { constants.insert(name) } else { live += count }
    }
    for name in Set(node.inputs) where !name.isEmpty {
      readers[name, default: 0] -= 1
      if readers[name] == 0, !constants.contains(name) { live -= counts[name] ?? 0 }
    }
    for (name, _) in results where readers[name] == nil && !isConstant {
      live -= counts[name] ?? 0
    }
  }
}
