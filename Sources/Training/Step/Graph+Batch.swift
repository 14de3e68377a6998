import Execution
public import Graph
import PostTraining
import Tensors

extension Graph {
  /// The graph for batches of `size` alone: in the operator set of training, with everything computed
  /// that follows from its shapes.
  ///
  /// A model that states a batch of its own is freed of it where its shapes allow: targets of Reshape
  /// that begin with it take what their input has.
  ///
  /// - Throws: ``GraphError`` when inputs have no stated shape, or when the outputs of such a batch
  ///   are not a row for each sample.
  public func closed(batch size: Int) throws -> Graph {
    var graph = try upgraded(toOpset: Self.trainingOpset)
    try graph.foldAllConstants()
    let before = try GraphAnalysis(of: graph).shapes
    let stated = graph.inputs.compactMap { input -> Int? in
      if case .fixed(let extent)? = input.shape?.first { extent } else { nil }
    }
    for index in graph.inputs.indices {
      guard graph.inputs[index].shape?.isEmpty == false else {
        throw GraphError.unsupported(
          "the shape of input '\(graph.inputs[index].name)' is not stated")
      }
      graph.inputs[index].shape?[0] = .fixed(size)
    }
    if let own = stated.first, own != size { graph.freeReshapes(of: own, shapes: before) }
    // What the model says about values is about its own batch.
    graph.valueInfo = [:]
    for index in graph.outputs.indices { graph.outputs[index].shape = nil }
    try graph.foldFixedShapes()
    try graph.checkBatch(size, against: before, own: stated.first)
    return graph
  }

  /// Makes targets of Reshape that begin with the batch `own` begin with the extent of their input.
  private mutating func freeReshapes(of own: Int, shapes: [String: GraphAnalysis.ValueShape]) {
    var names = ValueNames(of: self)
    for index in nodes.indices
    where nodes[index].operatorType == "Reshape" && nodes[index].domain.isEmpty {
      let node = nodes[index]
      guard node.integer("allowzero", default: 0) == 0, node.inputs.count == 2,
        let target = initializers[node.inputs[1]]?.array(of: Int64.self),
        target.first == Int64(own), shapes[node.inputs[0]]?.shape.first == own
      else { continue }
      let name = names.unique("\(node.inputs[1])_free")
      initializers[name] = Tensor([0] + target.dropFirst())
      nodes[index].inputs[1] = name
    }
  }

  private func checkBatch(
    _ size: Int, against before: [String: GraphAnalysis.ValueShape], own: Int?
  ) throws {
    guard let output = outputs.first else { throw GraphError.invalid("the model has no output") }
    let analysis = try GraphAnalysis(of: self)
    guard let shape = analysis.shapes[output.name]?.shape else {
      let problem = analysis.nodes.first { $0.problem != nil }
      throw GraphError.unsupported(
        "the shape of the output '\(output.name)' is not known before it is computed"
          + (problem.map {
            ": node '\($0.node.label)' (\($0.node.operatorType)): \($0.problem ?? "")"
          }
            ?? ""))
    }
    guard own != nil, own != size, let first = before[output.name]?.shape else { return }
    guard shape.first == size, shape.dropFirst() == first.dropFirst() else {
      throw GraphError.unsupported(
        "the model takes batches of \(own ?? 1) alone: with \(size) the output '\(output.name)' has "
          + "shape \(shape) and not \([size] + first.dropFirst())")
    }
  }
}
