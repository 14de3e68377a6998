public import Graph
import Tensors

/// How much memory the values of a graph take at once when it runs: every value from its writer to its
/// last reader, without constants.
public struct ActivationMemory: Sendable, Hashable {
  /// The most bytes at any time.
  public private(set) var peakBytes = 0
  /// The label of the node that runs then.
  public private(set) var peakNode = ""

  /// Follows what ``Executor`` does with `graph`.
  ///
  /// - Parameters:
  ///   - graph: The graph.
  ///   - extents: Extents of symbolic dimensions by name; 1 for others.
  /// - Returns: `nil` when the shape of a value depends on data.
  /// - Throws: ``Graph/GraphError`` when the graph cannot be run.
  public init?(of graph: Graph, extents: [String: Int] = [:]) throws {
    var plan = try ExecutionPlan(graph)
    let shapes = try GraphAnalysis(of: graph, extents: extents).shapes
    var constants = Set(graph.initializers.keys.compactMap { plan.numbers[$0] })
    plan.fold(&constants) { _ in }
    plan.findReleases(
      keeping: constants.union(graph.outputs.compactMap { plan.numbers[$0.name] }))
    var owner: [Int: Int] = [:]
    var users: [Int: Int] = [:]
    var bytes: [Int: Int] = [:]
    var live = 0
    func size(_ number: Int) -> Int? {
      shapes[plan.names[number]].map { $0.count * $0.elementType.byteCount }
    }
    for input in graph.inputs {
      guard let number = plan.numbers[input.name], let size = size(number) else { return nil }
      (owner[number], users[number], bytes[number]) = (number, 1, size)
      live += size
    }
    for step in plan.steps {
      for number in step.outputs.compactMap({ $0 }) {
        if Self.sharing.contains(step.node.operatorType), let source = step.inputs.first ?? nil,
          let root = owner[source]
        {
          owner[number] = root
          users[root, default: 0] += 1
          continue
        }
        guard let size = size(number) else { return nil }
        (owner[number], users[number], bytes[number]) = (number, 1, size)
        live += size
      }
      if live > peakBytes { (peakBytes, peakNode) = (live, step.node.label) }
      for number in step.releases {
        guard let root = owner.removeValue(forKey: number) else { continue }
        users[root, default: 0] -= 1
        if users[root] == 0 { live -= bytes[root] ?? 0 }
      }
    }
  }

  /// Operators whose results share the memory of their first operand.
  private static let sharing: Set<String> = [
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity",
  ]
}
