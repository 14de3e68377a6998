import Graph
import Operations

/// A graph made ready to run: operators in order, values numbered, and when each can be freed.
struct ExecutionPlan: Sendable {
  /// One node.
  struct Step: Sendable {
    let label: NodeLabel
    let node: Node
    let operation: any Operator
    /// Numbers of the values read; `nil` for an input that is left out.
    let inputs: [Int?]
    /// Numbers of the values written; `nil` for an output that nobody wants.
    let outputs: [Int?]
    /// Numbers of the values that nobody reads after this step.
    var releases: [Int] = []
  }

  /// The steps in an order in which they can run.
  private(set) var steps: [Step] = []
  /// The number of each value by name.
  private(set) var numbers: [String: Int] = [:]
  /// The name of each value by number.
  private(set) var names: [String] = []

  /// Sorts the graph and reads every node.
  ///
  /// - Throws: ``GraphError``: for a broken rule, or one message with every unsupported node.
  init(_ graph: Graph) throws {
    try graph.requireSupportedNodes()
    let graph = graph.withConstantFactorsTransposed().withBlockWeightsApart()
    for name in graph.inputs.map(\.name) + graph.initializers.keys.sorted() { _ = number(name) }
    for node in try graph.sortedNodes() {
      let reader = try graph.reader(of: node)
      steps.append(
        Step(
          label: reader.label, node: reader.node,
          operation: try OperatorTable.makeOperator(reader),
          inputs: node.inputs.map { $0.isEmpty ? nil : number($0) },
          outputs: node.outputs.map { $0.isEmpty ? nil : number($0) }))
    }
  }

  private mutating func number(_ name: String) -> Int {
    if let number = numbers[name] { return number }
    numbers[name] = names.count
    names.append(name)
    return names.count - 1
  }

  /// Takes the steps away that need nothing but `constants`, running `body` on each; what they
  /// write joins the constants.
  mutating func fold(
    _ constants: inout Set<Int>, _ body: (Step) throws -> Void
  ) rethrows {
    var rest: [Step] = []
    for step in steps {
      if step.inputs.allSatisfy({ $0.map(constants.contains) ?? true }) {
        try body(step)
        constants.formUnion(step.outputs.compactMap { $0 })
      } else {
        rest.append(step)
      }
    }
    steps = rest
  }

  /// Notes at every step which values are not needed after it; those in `kept` always are.
  mutating func findReleases(keeping kept: Set<Int>) {
    var seen = kept
    for index in steps.indices.reversed() {
      let touched = steps[index].inputs + steps[index].outputs
      steps[index].releases = touched.compactMap { $0 }.filter { seen.insert($0).inserted }
    }
  }

  /// The numbers of all values that a step reads.
  var read: Set<Int> { Set(steps.flatMap { $0.inputs.compactMap { $0 } }) }
}

extension Graph {
  /// The graph with the constant factors of Gemm transposed by nodes of their own, which are folded
  /// and so run once.
  fileprivate func withConstantFactorsTransposed() -> Graph {
    var graph = self
    var transposed: [String: String] = [:]
    for index in nodes.indices where nodes[index].operatorType == "Gemm" {
      for (input, attribute) in [(0, "transA"), (1, "transB")] {
        guard nodes[index].inputs.count > input, case .int(1)? = nodes[index].attributes[attribute],
          let tensor = initializers[nodes[index].inputs[input]], tensor.rank == 2
        else { continue }
        let name = nodes[index].inputs[input]
        // No name of a model can hold a NUL.
        let result = transposed[name] ?? "\(name)\0transposed"
        if transposed.updateValue(result, forKey: name) == nil {
          graph.nodes.append(Node("Transpose", inputs: [name], outputs: [result]))
        }
        graph.nodes[index].inputs[input] = result
        graph.nodes[index].attributes[attribute] = .int(0)
      }
    }
    return graph
  }

  /// The graph with the weights of MatMulNBits dequantized by nodes of their own, which are folded where
  /// they are constant.
  fileprivate func withBlockWeightsApart() -> Graph {
    var graph = self
    for (index, node) in nodes.enumerated()
    where node.operatorType == "MatMulNBits" && node.domain == OperatorDomain.microsoft {
      // No name of a model can hold a NUL.
      let weights = "\(node.outputs[0])\0weights"
      graph.nodes.append(
        Node(
          name: node.name, "BlockWeights", domain: OperatorDomain.lowBit,
          inputs: Array(node.inputs[1..<min(node.inputs.count, 4)]), outputs: [weights],
          attributes: node.attributes))
      graph.nodes[index].operatorType = "BlockProduct"
      graph.nodes[index].domain = OperatorDomain.lowBit
      graph.nodes[index].inputs = [node.inputs[0], weights] + node.inputs.dropFirst(5)
      graph.opsets[OperatorDomain.lowBit] = 1
    }
    return graph
  }
}
