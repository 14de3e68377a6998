public import Graph
public import Operations
public import Tensors

/// Runs a graph on a backend.
///
/// Values are freed after their last reader, and constants (initializers, and whatever follows from
/// constants alone) are computed and brought to the backend once. Small tensors that were made on
/// the host, such as those of shape arithmetic, are computed there by the reference, which by the
/// definition of ``Operations/Backend`` changes no result.
public struct Executor<B: Backend>: Sendable {
  /// What is run.
  public let graph: Graph
  /// Where it runs.
  public let backend: B

  private let plan: ExecutionPlan
  private let constants: [Int: Operand<B>]

  /// Prepares `graph`: sorts it, reads every node, and computes what is constant.
  ///
  /// - Throws: ``Graph/GraphError`` naming node, operator and operator set; all nodes that are not
  ///   supported are in one message.
  public init(_ graph: Graph, on backend: B) throws {
    var plan = try ExecutionPlan(graph)
    var constants: [Int: Operand<B>] = [:]
    for (name, tensor) in graph.initializers {
      guard let number = plan.numbers[name] else { continue }
      constants[number] = Operand(tensor)
    }
    var known = Set(constants.keys)
    try plan.fold(&known) { step in
      let results = try Self.run(step, on: backend) { constants[$0] }
      for case (let number?, let result?) in zip(step.outputs, results) {
        constants[number] = result
      }
    }
    let read = plan.read
    let outputs = Set(graph.outputs.compactMap { plan.numbers[$0.name] })
    constants = constants.filter { read.contains($0.key) || outputs.contains($0.key) }
    for (number, constant) in constants where constant.count > hostOperandLimit {
      constants[number] = Operand(value: try constant.value(on: backend))
    }
    plan.findReleases(keeping: outputs.union(known))
    self.graph = graph
    self.backend = backend
    self.plan = plan
    self.constants = constants
  }

  /// The nodes of `graph` that cannot be run, in its order.
  ///
  /// - Throws: ``Graph/GraphError`` for a node that breaks a rule.
  public static func unsupportedNodes(of graph: Graph) throws -> [UnsupportedNode] {
    try graph.unsupportedNodes()
  }

  /// Computes the graph's outputs.
  ///
  /// - Parameters:
  ///   - inputs: A tensor for every input of the graph, by name.
  ///   - names: Values to observe; constants are not among them.
  ///   - observe: Called with each observed value as soon as it is there.
  /// - Returns: The graph's outputs by name.
  /// - Throws: ``Graph/GraphError`` for inputs that do not fit the graph and nodes whose operands do
  ///   not fit together, naming node, operator and shapes; what the backend or `observe` throws.
  public func run(
    _ inputs: [String: Tensor], observing names: Set<String> = [],
    _ observe: (String, B.Value) throws -> Void = { _, _ in }
  ) throws -> [String: Tensor] {
    try graph.checkInputs(inputs)
    let values = try run(inputs.mapValues(place), observing: names, observe)
    return try graph.outputs.reduce(into: [:]) { outputs, output in
      outputs[output.name] = try self.output(output.name, of: values).tensor(from: backend)
    }
  }

  /// Computes the graph's outputs where they are wanted again: on the backend.
  ///
  /// - Parameter inputs: A value for every input of the graph, by name.
  /// - Returns: The graph's outputs by name.
  /// - Throws: As ``run(_:observing:_:)``, but for the inputs' shapes, which are not checked.
  public func compute(_ inputs: [String: B.Value]) throws -> [String: B.Value] {
    let values = try run(inputs.mapValues(Operand.init(value:)), observing: []) { _, _ in }
    return try graph.outputs.reduce(into: [:]) { outputs, output in
      outputs[output.name] = try self.output(output.name, of: values).value(on: backend)
    }
  }

  private func run(
    _ inputs: [String: Operand<B>], observing names: Set<String>,
    _ observe: (String, B.Value) throws -> Void
  ) throws -> [Operand<B>?] {
    var values = [Operand<B>?](repeating: nil, count: plan.names.count)
    for input in graph.inputs {
      guard let number = plan.numbers[input.name], let operand = inputs[input.name] else {
        continue
      }
      values[number] = operand
      if names.contains(input.name) { try observe(input.name, operand.value(on: backend)) }
    }
    for step in plan.steps {
      let results = try Self.run(step, on: backend) { values[$0] ?? constants[$0] }
      for case (let number?, let result) in zip(step.outputs, results) {
        guard let result else { continue }
        values[number] = result
        let name = plan.names[number]
        if names.contains(name) { try observe(name, result.value(on: backend)) }
      }
      for number in step.releases { values[number] = nil }
    }
    return values
  }

  /// An input: integers of shape arithmetic stay on the host, everything else goes to the backend.
  private func place(_ tensor: Tensor) throws -> Operand<B> {
    if tensor.elementType == .int64, tensor.rank <= 1, tensor.count <= 16 {
      return Operand(tensor)
    }
    return Operand(value: try backend.upload(tensor))
  }

  private func output(_ name: String, of values: [Operand<B>?]) throws -> Operand<B> {
    guard let number = plan.numbers[name], let operand = values[number] ?? constants[number] else {
      throw GraphError.invalid("the output '\(name)' was not computed")
    }
    return operand
  }

  /// Runs one step.
  private static func run(
    _ step: ExecutionPlan.Step, on backend: B, operands: (Int) -> Operand<B>?
  ) throws -> [Operand<B>?] {
    let operands: [Operand<B>?] = try step.inputs.map { number in
      guard let number else { return nil }
      guard let operand = operands(number) else {
        throw GraphError.invalid("\(step.label): an input is an output that its writer leaves out")
      }
      return operand
    }
    return try step.operation.run(operands, on: backend, label: step.label)
  }
}
