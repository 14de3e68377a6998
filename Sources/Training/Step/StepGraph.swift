import Execution
public import Graph
import Tensors

/// One step of training as a graph: from a batch, its targets, the parameters and the optimizer's
/// state to the loss, the outputs, the new parameters and the new state.
///
/// The graph runs like any other, on every backend and with equal bits on all of them. Elements of
/// the parameters whose mask is false do not move.
public struct StepGraph: Sendable {
  /// The graph.
  public let graph: Graph
  /// The parameters' places in their vector.
  public let parameters: TrainedParameters
  /// The shape of the first output.
  public let outputShape: [Int]
  /// The shape of the targets.
  public let targetShape: [Int]
  /// Running statistics of normalizations and what else a step renews.
  let statistics: [RunningStatistic]
  /// What these begin with, by name.
  let statisticValues: [String: Tensor]

  /// The step of `model` for `batch` samples.
  ///
  /// - Parameters:
  ///   - model: The network; its first output is trained.
  ///   - batch: The extent of every input's first dimension.
  ///   - loss: What is made small.
  ///   - optimizer: How.
  ///   - names: Parameters that may be trained; `nil` takes all that ``TrainedParameters`` finds.
  ///   - scope: What is trained instead, where there is more to say of it.
  /// - Throws: ``Graph/GraphError`` for a node that cannot be trained through, a model without
  ///   parameters, or open dimensions other than the first.
  public init(
    _ model: Graph, batch: Int, loss: Loss, optimizer: Optimizer,
    training names: Set<String>? = nil, scope: TrainingScope? = nil
  ) throws {
    var graph = try model.upgraded(toOpset: Graph.trainingOpset)
    graph.opsets[OperatorDomain.lowBit] = 1
    let output: ValueInfo
    (output, outputShape) = try graph.fixBatch(batch)
    // What only other outputs read has no part in the loss.
    let counted = scope?.statistics ?? []
    graph.outputs =
      [output]
      + (counted.map(\.next) + [scope?.penalty].compactMap(\.self)).map {
        ValueInfo(name: $0, elementType: .float32)
      }
    graph.nodes = try graph.sortedNodes()
    graph.removeDeadNodes()
    let scope =
      try scope ?? TrainingScope(parameters: TrainedParameters(of: graph, among: names))
    let parameters = scope.parameters
    statistics = try graph.decomposeNormalizations() + counted
    graph.replaceParameters(parameters)
    for name in scope.settings.sorted() { graph.makeInput(of: name) }
    statisticValues = try graph.makeInputs(of: statistics)
    targetShape = loss.targetShape(of: outputShape)
    graph.addInput(StepName.target, .float32, targetShape)
    let value = try graph.addLoss(loss, of: output.name, target: StepName.target)
    if let penalty = scope.penalty {
      graph.nodes.append(Node("Add", inputs: [value, penalty], outputs: [StepName.loss]))
    } else {
      graph.nodes.append(Node("Identity", inputs: [value], outputs: [StepName.loss]))
    }

    let moving = parameters.parts.map(\.name).filter { !scope.still.contains($0) }
    let differentiated = try graph.differentiated(
      StepName.loss, for: moving, stoppingAt: scope.barriers)
    graph = differentiated.graph
    let gradient = graph.joinGradients(differentiated.gradients, scope)
    graph.addUpdate(optimizer, gradient: gradient, count: parameters.count)
    let results =
      [StepName.loss, output.name, StepName.newParameters]
      + (0..<optimizer.stateCount).map(StepName.newState)
      + statistics.indices.map(StepName.newStatistic)
    graph.outputs = results.map { ValueInfo(name: $0, elementType: .float32) }
    graph.valueInfo = [:]
    graph.removeDeadNodes()
    self.graph = graph
    self.parameters = parameters
  }
}

extension Graph {
  fileprivate mutating func addInput(_ name: String, _ type: ElementType, _ shape: [Int]) {
    inputs.append(ValueInfo(name: name, elementType: type, shape: shape.map { .fixed($0) }))
  }

  /// Makes a batch the first extent of every input; returns the first output and its shape then.
  fileprivate mutating func fixBatch(_ batch: Int) throws -> (output: ValueInfo, shape: [Int]) {
    for index in inputs.indices {
      guard inputs[index].shape?.isEmpty == false else {
        throw GraphError.unsupported("the shape of input '\(inputs[index].name)' is not stated")
      }
      inputs[index].shape?[0] = .fixed(batch)
    }
    guard let output = outputs.first else { throw GraphError.invalid("the model has no output") }
    guard let shape = try GraphAnalysis(of: self).shapes[output.name]?.shape else {
      throw GraphError.unsupported(
        "the shape of the output '\(output.name)' is not known before it is computed")
    }
    return (output, shape)
  }

  /// Makes statistics inputs, whose next values are results; returns what they begin with.
  fileprivate mutating func makeInputs(
    of statistics: [RunningStatistic]
  ) throws -> [String: Tensor] {
    var values: [String: Tensor] = [:]
    for (index, statistic) in statistics.enumerated() {
      guard let tensor = initializers.removeValue(forKey: statistic.name) else {
        throw GraphError.unsupported(
          "two normalizations share the statistics '\(statistic.name)': each needs its own")
      }
      values[statistic.name] = tensor
      addInput(statistic.name, .float32, tensor.shape)
      nodes.append(
        Node("Identity", inputs: [statistic.next], outputs: [StepName.newStatistic(index)]))
    }
    return values
  }

  /// Adds the optimizer's update of `count` parameters.
  fileprivate mutating func addUpdate(_ optimizer: Optimizer, gradient: String, count: Int) {
    for name in [StepName.rate] + StepName.corrections { addInput(name, .float32, []) }
    addInput(StepName.trainable, .bool, [count])
    if optimizer.usesRelativeSteps { addInput(StepName.units, .float32, [count]) }
    for index in 0..<optimizer.stateCount {
      addInput(StepName.state(index), .float32, [count])
    }
    var update = OptimizerNodes()
    update.update(optimizer, gradient: gradient)
    nodes += update.nodes
    initializers.merge(update.initializers) { $1 }
  }

  /// Makes an initializer an input of its shape; one that nobody reads is left out.
  fileprivate mutating func makeInput(of name: String) {
    guard let tensor = initializers.removeValue(forKey: name) else { return }
    addInput(name, tensor.elementType, tensor.shape)
  }

  /// Cuts the parameters out of their vector, under their own names.
  fileprivate mutating func replaceParameters(_ parameters: TrainedParameters) {
    addInput(StepName.parameters, .float32, [parameters.count])
    initializers["step/axis"] = Tensor([Int64(0)])
    var cuts: [Node] = []
    for (index, part) in parameters.parts.enumerated() {
      initializers[part.name] = nil
      initializers["step/start_\(index)"] = Tensor([Int64(part.start)])
      initializers["step/end_\(index)"] = Tensor([Int64(part.end)])
      initializers["step/shape_\(index)"] = Tensor(part.shape.map(Int64.init))
      cuts.append(
        Node(
          "Slice",
          inputs: [
            StepName.parameters, "step/start_\(index)", "step/end_\(index)", "step/axis",
          ], outputs: ["step/part_\(index)"]))
      cuts.append(
        Node(
          "Reshape", inputs: ["step/part_\(index)", "step/shape_\(index)"], outputs: [part.name]))
    }
    nodes = cuts + nodes
  }

  /// The gradients as one vector, 0 for what has none; returns its name.
  fileprivate mutating func joinGradients(
    _ gradients: [String: String], _ scope: TrainingScope
  ) -> String {
    initializers["step/flat"] = Tensor([Int64(-1)])
    var flat: [String] = []
    for (index, part) in scope.parameters.parts.enumerated() {
      flat.append("step/flat_\(index)")
      guard var gradient = gradients[part.name] else {
        initializers[flat[index]] = Tensor(repeating: Float(0), shape: [part.end - part.start])
        continue
      }
      if let factor = scope.factors[part.name] {
        initializers["step/factor_\(index)"] = Tensor(scalar: factor)
        nodes.append(
          Node(
            "Mul", inputs: [gradient, "step/factor_\(index)"],
            outputs: ["step/scaled_\(index)"]))
        gradient = "step/scaled_\(index)"
      }
      nodes.append(
        Node("Reshape", inputs: [gradient, "step/flat"], outputs: ["step/flat_\(index)"]))
    }
    nodes.append(
      Node(
        "Concat", inputs: flat, outputs: ["step/gradient"], attributes: ["axis": .int(0)]))
    return "step/gradient"
  }
}
