public import Graph
import Operations
public import Tensors

/// What can be said about a graph without computing it: types and shapes of its values, and the
/// multiplications of its nodes.
///
/// Dimensions that the model leaves open have the extents that the caller gives, or 1.
public struct GraphAnalysis: Sendable {
  /// The type and shape of a value.
  public struct ValueShape: Sendable, Hashable {
    /// The type of the elements.
    public var elementType: ElementType
    /// The extent of every dimension.
    public var shape: [Int]
    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }
  }

  /// What is known about a node.
  public struct NodeAnalysis: Sendable {
    /// The node.
    public var node: Node
    /// Its multiply-accumulate operations (in convolutions and matrix products); `nil` when the
    /// shapes that it reads are not known.
    public var multiplications: Int?
    /// Elements of the initializers that it reads.
    public var parameters: Int
    /// Why it could not be followed: unsupported, wrong, or its shape depends on data.
    public var problem: String?
  }

  /// Types and shapes by value name; those that depend on data are missing.
  public private(set) var shapes: [String: ValueShape] = [:]

  /// The nodes in an order in which they can run.
  public private(set) var nodes: [NodeAnalysis] = []

  /// Elements of all initializers that a node or an output reads.
  public private(set) var parameters = 0

  /// Follows the shapes through `graph`.
  ///
  /// - Parameters:
  ///   - graph: the graph.
  ///   - extents: Extents of symbolic dimensions by name.
  /// - Throws: ``Graph/GraphError`` when the graph's nodes cannot be put in order.
  public init(of graph: Graph, extents: [String: Int] = [:]) throws {
    let backend = ShapeBackend()
    var operands: [String: Operand<ShapeBackend>] = [:]
    for (name, tensor) in graph.initializers { operands[name] = Operand(tensor) }
    for input in graph.inputs {
      guard let shape = input.shape else { continue }
      operands[input.name] = Operand(
        value: ShapeValue(elementType: input.elementType, shape: shape.map { $0.extent(extents) }))
    }
    var counted: Set<String> = []
    for node in try graph.sortedNodes() {
      let constants = node.inputs.filter { graph.initializers[$0] != nil }
      var analysis = NodeAnalysis(
        node: node, multiplications: nil,
        parameters: Set(constants).reduce(0) { $0 + (graph.initializers[$1]?.count ?? 0) })
      for name in constants where counted.insert(name).inserted {
        parameters += graph.initializers[name]?.count ?? 0
      }
      let before = backend.multiplicationCount
      do {
        let results = try Self.results(of: node, in: graph, backend, operands)
        for (name, result) in zip(node.outputs, results) where !name.isEmpty {
          operands[name] = result
        }
        analysis.multiplications = backend.multiplicationCount - before
      } catch is ValueUnknown {
        analysis.problem = "the shape depends on values"
      } catch let error as GraphError {
        analysis.problem = error.description
      }
      for name in node.outputs where operands[name] == nil {
        if let operand = Self.declared(name, in: graph, extents) { operands[name] = operand }
      }
      nodes.append(analysis)
    }
    shapes = operands.mapValues { ValueShape(elementType: $0.elementType, shape: $0.shape) }
  }

  /// What a node writes.
  private static func results(
    of node: Node, in graph: Graph, _ backend: ShapeBackend,
    _ operands: [String: Operand<ShapeBackend>]
  ) throws -> [Operand<ShapeBackend>?] {
    let reader = try graph.reader(of: node)
    let operation = try OperatorTable.makeOperator(reader)
    let inputs: [Operand<ShapeBackend>?] = try node.inputs.map { name in
      if name.isEmpty { return nil }
      guard let operand = operands[name] else { throw ValueUnknown() }
      return operand
    }
    return try operation.run(inputs, on: backend, label: reader.label)
  }

  /// What the model itself says about a value, if all of it is fixed or given.
  private static func declared(
    _ name: String, in graph: Graph, _ extents: [String: Int]
  ) -> Operand<ShapeBackend>? {
    let stated = graph.valueInfo[name] ?? graph.outputs.first { $0.name == name }
    guard let stated, let shape = stated.shape, !shape.contains(.unknown) else { return nil }
    return Operand(
      value: ShapeValue(elementType: stated.elementType, shape: shape.map { $0.extent(extents) }))
  }
}

extension Dimension {
  /// The extent, as known or given, or 1.
  fileprivate func extent(_ given: [String: Int]) -> Int {
    switch self {
    case .fixed(let extent): extent
    case .symbolic(let name): given[name] ?? 1
    case .unknown: 1
    }
  }
}
