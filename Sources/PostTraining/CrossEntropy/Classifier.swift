import Graph
import Tensors

/// Where a classifier's logits are, and its last quantized activation.
struct Classifier {
  /// The activation.
  let value: String
  /// What a Softmax reads, or the output.
  let logits: String
  /// The nodes between, in order.
  private let nodes: [Int]

  /// Why a network has no last activation whose range the classes' probabilities could choose.
  struct Obstacle: Error {
    let reason: String
  }

  /// Finds them: from the only output, or the only one behind a Softmax or LogSoftmax, upwards through
  /// operators that move values and constants that are added, to what the last layer gives, or reads.
  init(_ plan: QuantizationPlan) throws(Obstacle) {
    let index = GraphIndex(plan.graph)
    let outputs = plan.graph.outputs.map(\.name)
    let ends = outputs.compactMap { Self.logits(behind: $0, in: index) }
    guard ends.count == 1 || outputs.count == 1 else {
      throw Obstacle(reason: "the model has \(outputs.count) outputs, \(ends.count) of a Softmax")
    }
    logits = ends.first ?? outputs[0]
    var value = logits
    var nodes: [Int] = []
    while plan.values[value] == nil {
      guard let writer = index.writer[value] else {
        throw Obstacle(reason: "no quantized layer gives '\(logits)'")
      }
      let node = index.nodes[writer]
      let data = index.activationInputs(of: writer)
      let isLayer = plan.weights[writer] != nil
      guard isLayer || node.movesValues || node.operatorType == "Add", data.count == 1 else {
        throw Obstacle(
          reason:
            "'\(node.label)' (\(node.operatorType)) lies between the last layer and '\(logits)'")
      }
      nodes.insert(writer, at: 0)
      value = data[0]
    }
    guard nodes.contains(where: { plan.weights[$0] != nil }) || index.comesFromLayer(value, plan)
    else { throw Obstacle(reason: "no quantized layer gives '\(logits)'") }
    (self.value, self.nodes) = (value, nodes)
  }

  /// What the Softmax reads that gives an output, past nodes that move values; `nil` without one.
  private static func logits(behind output: String, in index: GraphIndex) -> String? {
    var value = output
    while let writer = index.writer[value] {
      let node = index.nodes[writer]
      if ["Softmax", "LogSoftmax"].contains(node.operatorType) { return node.inputs[0] }
      guard node.movesValues else { return nil }
      value = node.inputs[0]
    }
    return nil
  }

  /// The nodes between activation and logits as a graph; `nil` without any.
  func tail(in graph: Graph) -> Graph? {
    guard !nodes.isEmpty else { return nil }
    var tail = graph
    tail.inputs = [ValueInfo(name: value, elementType: .float32)]
    tail.nodes = nodes.map { graph.nodes[$0] }
    return tail.giving([logits])
  }

  /// The logits of every sample.
  ///
  /// - Throws: ``Obstacle`` for tensors that are not a vector a sample.
  func rows(of tensor: Tensor, samples: Int) throws(Obstacle) -> [[Double]] {
    let classes = tensor.shape.last { $0 > 1 } ?? 1
    guard tensor.elementType == .float32, classes > 1, tensor.count == classes * samples else {
      throw Obstacle(
        reason: "'\(logits)' of shape \(tensor.shape) is not a vector of classes for each sample")
    }
    let values = tensor.array(of: Float.self).map(Double.init)
    return (0..<samples).map { Array(values[$0 * classes..<($0 + 1) * classes]) }
  }
}

extension GraphIndex {
  /// Whether a layer with weights gives `value`, past nodes that move or cut off values.
  fileprivate func comesFromLayer(_ value: String, _ plan: QuantizationPlan) -> Bool {
    var value = value
    while let writer = writer[value] {
      if plan.weights[writer] != nil { return true }
      guard nodes[writer].movesValues || clippingBounds(of: nodes[writer]) != nil else {
        return false
      }
      value = nodes[writer].inputs[0]
    }
    return false
  }
}
