import Execution
public import Graph
public import Operations
public import Tensors

/// A network whose outputs are the targets of another's training: distillation, which needs no labels.
public struct Teacher<B: Backend>: Sendable {
  private let executor: Executor<B>

  /// - Parameters:
  ///   - model: The network; its first output teaches.
  ///   - batch: Samples in a batch.
  ///   - loss: What the other is trained by: with ``Loss/distillation(temperature:labelWeight:)`` targets are the
  ///     softmax of the logits over the temperature, with ``Loss/crossEntropy`` that of the logits,
  ///     with ``Loss/squaredError`` the outputs as they are.
  ///   - backend: Where it runs.
  /// - Throws: ``Graph/GraphError`` for a model that does not take the batch.
  public init(_ model: Graph, batch: Int, loss: Loss, on backend: B) throws {
    var graph = try model.closed(batch: batch)
    guard let output = graph.outputs.first else {
      throw GraphError.invalid("the model has no output")
    }
    graph.outputs = [output]
    switch loss {
    case .squaredError: break
    case .crossEntropy: graph.replaceOutput(output.name, temperature: 1)
    case .distillation(let temperature, _):
      graph.replaceOutput(output.name, temperature: temperature)
    }
    graph.removeDeadNodes()
    executor = try Executor(graph, on: backend)
  }

  /// The targets of a batch: a row for each sample.
  public func targets(_ inputs: [String: Tensor]) throws -> Tensor {
    let outputs = try executor.run(inputs)
    guard let name = executor.graph.outputs.first?.name, let targets = outputs[name] else {
      throw GraphError.invalid("the model has no output")
    }
    return targets
  }
}

extension Graph {
  /// Makes the only output the softmax of the logits over a temperature.
  fileprivate mutating func replaceOutput(_ output: String, temperature: Float) {
    var names = ValueNames(of: self)
    var logits = logits(of: output)
    if temperature != 1 {
      let (number, scaled) = (names.unique("temperature"), names.unique("scaled_logits"))
      initializers[number] = Tensor(scalar: temperature)
      nodes.append(Node("Div", inputs: [logits, number], outputs: [scaled]))
      logits = scaled
    }
    let target = names.unique("target")
    nodes.append(
      Node("Softmax", inputs: [logits], outputs: [target], attributes: ["axis": .int(-1)]))
    outputs = [ValueInfo(name: target, elementType: .float32)]
  }
}
