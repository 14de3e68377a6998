import Graph
import Operations

/// How large the values of a graph may be that comes from somebody else.
public struct ElementLimit: Sendable, Hashable {
  /// The most elements of all values that are there at the same time, constants aside.
  public var values: Int
  /// The most elements that all nodes together whose operands are constant may write, beyond
  /// ``constantFactor`` times those of the graph's own constants.
  public var growth: Int
  /// Whether every node must be followed. Otherwise one that does not fit these extents, or whose shape
  /// depends on values, is left out with what follows from it; nodes whose operands are constant never are.
  public var isComplete: Bool

  /// Constants are often made of others of the same size: cast, dequantized, reshaped, transposed.
  public static let constantFactor = 4

  /// A limit.
  public init(values: Int, growth: Int, isComplete: Bool = true) {
    self.values = values
    self.growth = growth
    self.isComplete = isComplete
  }
}

/// A result that is too large, which nothing makes up for.
struct ElementLimitExceeded: Error {
  let reason: GraphError
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
  /// Elements that nodes whose operands are constant may still write; what they write stays.
  private var constantRoom: Int

  init(of graph: Graph, _ limit: ElementLimit) {
    self.limit = limit
    constants = Set(graph.initializers.keys)
    counts = graph.initializers.mapValues(\.count)
    constantRoom = ElementLimit.constantFactor * counts.values.reduce(0, +) + limit.growth
    for node in graph.nodes {
      for name in Self.operands(of: node) { readers[name, default: 0] += 1 }
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

  /// Whether it is an error when a node cannot be followed.
  func mustFollow(_ node: Node) -> Bool { limit.isComplete || isConstant(node) }

  /// A node that cannot be followed has read its operands.
  mutating func leaveOut(_ node: Node) { release(Self.operands(of: node)) }

  /// A node has read its operands and written values of these shapes; those without a name are there while
  /// it runs.
  ///
  /// - Throws: ``ElementLimitExceeded`` naming the node, before anything of these sizes was made.
  mutating func run(_ node: Node, writing results: [(name: String, shape: [Int])])
    throws(ElementLimitExceeded)
  {
    let isConstant = isConstant(node)
    var unnamed = 0
    for (name, shape) in results {
      let room = isConstant ? constantRoom : limit.values - live
      guard let count = Shapes.countBesideEmpty(shape), count <= room else {
        let reason =
          isConstant
          ? "are left to what constants alone make, \(room)"
          : "a network may have at once, \(limit.values)"
        throw ElementLimitExceeded(
          reason: .unsupported(
            "node '\(node.label)' (\(node.operatorType)): its result of \(shape) is more elements than "
              + reason))
      }
      if isConstant { constantRoom -= count } else { live += count }
      if name.isEmpty {
        unnamed += count
      } else {
        counts[name] = count
        if isConstant { constants.insert(name) }
      }
    }
    release(Self.operands(of: node))
    if isConstant {
      constantRoom += unnamed
    } else {
      live -= unnamed
      for (name, _) in results where !name.isEmpty && readers[name] == nil {
        live -= counts[name] ?? 0
      }
    }
  }

  private static func operands(of node: Node) -> Set<String> {
    Set(node.inputs.lazy.filter { !$0.isEmpty })
  }

  private func isConstant(_ node: Node) -> Bool {
    node.inputs.allSatisfy { $0.isEmpty || constants.contains($0) }
  }

  private mutating func release(_ names: Set<String>) {
    for name in names {
      readers[name, default: 0] -= 1
      if readers[name] == 0, !constants.contains(name) { live -= counts[name] ?? 0 }
    }
  }
}
