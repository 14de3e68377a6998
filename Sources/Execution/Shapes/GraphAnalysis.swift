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
  ///   - limit: How large values may be, for graphs that are not trusted; nothing larger is made on the way.
  /// - Throws: ``Graph/GraphError`` when the graph's nodes cannot be put in order; with a limit also for a
  ///   node whose result is too large or that must be followed and cannot, naming it.
  public init(of graph: Graph, extents: [String: Int] = [:], limit: ElementLimit? = nil) throws {
    var live = limit.map { LiveElements(of: graph, $0) }
    let backend = ShapeBackend()
    var operands: [String: Operand<ShapeBackend>] = [:]
    for (name, tensor) in graph.initializers { operands[name] = Operand(tensor) }
    for input in graph.inputs {
      guard let shape = input.shape else { continue }
      let fixed = shape.map { $0.extent(extents) }
      try live?.begin(input.name, fixed)
      operands[input.name] = Operand(
        value: ShapeValue(elementType: input.elementType, shape: fixed))
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
      var isBounded = false
      do {
        if live != nil {
          let shapes = try Self.shapes(of: node, in: graph, backend, operands)
          try live?.run(node, writing: shapes)
          isBounded = true
        }
        let results = try Self.results(of: node, in: graph, backend, operands)
        for case (let name, let result?) in zip(node.outputs, results) where !name.isEmpty {
          // Extents of what follows stay numbers.
          guard Shapes.countBesideEmpty(result.shape) != nil else {
            throw GraphError.unsupported(
              "node '\(node.label)' (\(node.operatorType)): no memory holds its result of \(result.shape)"
            )
          }
          operands[name] = result
        }
        analysis.multiplications = backend.multiplicationCount - before
      } catch let error as ElementLimitExceeded {
        throw error.reason
      } catch let error where error is ValueUnknown || error is GraphError {
        if let live, isBounded || live.mustFollow(node) {
          throw error as? GraphError
            ?? .unsupported(
              "node '\(node.label)' (\(node.operatorType)): the shape of its result depends on values"
            )
        }
        live?.leaveOut(node)
        analysis.problem = (error as? GraphError)?.description ?? "the shape depends on values"
      }
      // What somebody else declares has not been counted.
      for name in node.outputs where live == nil && operands[name] == nil {
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
    return try OperatorTable.makeOperator(reader).run(
      try inputs(of: node, operands), on: backend, label: reader.label)
  }

  /// The shapes of what a node writes, without computing even what is constant and small.
  private static func shapes(
    of node: Node, in graph: Graph, _ backend: ShapeBackend,
    _ operands: [String: Operand<ShapeBackend>]
  ) throws -> [(name: String, shape: [Int])] {
    let reader = try graph.reader(of: node)
    let results = try OperatorTable.makeOperator(reader).run(
      OperatorCall(
        backend: backend, label: reader.label, operands: try inputs(of: node, operands)))
    return zip(node.outputs, results).compactMap { name, result in
      result.map { (name, $0.shape) }
    }
  }

  private static func inputs(
    of node: Node, _ operands: [String: Operand<ShapeBackend>]
  ) throws -> [Operand<ShapeBackend>?] {
    try node.inputs.map { name in
      if name.isEmpty { return nil }
      guard let operand = operands[name] else { throw ValueUnknown() }
      return operand
    }
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
