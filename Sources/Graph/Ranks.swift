import Tensors

/// How many dimensions the values of a graph have, as far as declarations and the operators before
/// them tell; for passes that need no more than that.
public struct Ranks {
  private let graph: Graph
  private var writers: [String: Int] = [:]
  private var known: [String: Int?] = [:]

  /// Looks at `graph`.
  public init(of graph: Graph) {
    self.graph = graph
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { writers[output] = index }
    }
    for info in Array(graph.valueInfo.values) + graph.outputs + graph.inputs {
      if let shape = info.shape { known[info.name] = shape.count }
    }
    for (name, tensor) in graph.initializers { known[name] = tensor.rank }
  }

  /// The number of dimensions of a value, or `nil` where it does not follow.
  public mutating func rank(of value: String) -> Int? {
    if let rank = known[value] { return rank }
    // On a cycle nothing is known.
    known[value] = .some(nil)
    let rank = writers[value].flatMap { inferred(graph.nodes[$0], output: value) }
    known[value] = .some(rank)
    return rank
  }

  private mutating func inferred(_ node: Node, output: String) -> Int? {
    guard node.domain.isEmpty, let first = node.inputs.first else { return nil }
    switch node.operatorType {
    case "Flatten", "Gemm": return 2
    case "Shape": return 1
    case "Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Max", "Min", "Sum", "Mean", "MatMul", "Where":
      let ranks = node.inputs.map { rank(of: $0) }
      return ranks.contains(nil) ? nil : ranks.compactMap(\.self).max()
    case "Conv", "ConvTranspose", "BatchNormalization", "Relu", "Clip", "Sigmoid", "Tanh",
      "LeakyRelu", "Elu", "Selu", "HardSigmoid", "HardSwish", "Gelu", "Erf", "Exp", "Log", "Sqrt",
      "Neg", "Abs", "Softmax", "LogSoftmax", "Transpose", "Concat", "Split", "Slice", "Pad",
      "Resize", "Upsample", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool",
      "GlobalMaxPool", "LRN", "LayerNormalization", "InstanceNormalization", "Dropout", "Identity",
      "Cast", "DepthToSpace", "SpaceToDepth", "QuantizeLinear", "DequantizeLinear":
      return rank(of: first)
    case "Reshape":
      if case .ints(let shape)? = node.attributes["shape"] { return shape.count }
      return node.inputs.count > 1 ? extent(ofVector: node.inputs[1]) : nil
    case "ConstantOfShape": return extent(ofVector: first)
    case "Gather":
      guard node.inputs.count > 1, let data = rank(of: first),
        let indices = rank(of: node.inputs[1])
      else { return nil }
      return data + indices - 1
    case "Unsqueeze", "Squeeze":
      guard let axes = axesCount(node), let inner = rank(of: first) else { return nil }
      return node.operatorType == "Squeeze" ? inner - axes : inner + axes
    default: return nil
    }
  }

  private func axesCount(_ node: Node) -> Int? {
    if case .ints(let axes)? = node.attributes["axes"] { return axes.count }
    return node.inputs.count > 1 ? graph.initializers[node.inputs[1]]?.count : nil
  }

  /// The extent of a value of one dimension, as shapes are that a graph computes.
  private mutating func extent(ofVector value: String) -> Int? {
    if let tensor = graph.initializers[value] { return tensor.rank == 1 ? tensor.count : nil }
    guard let node = writers[value].map({ graph.nodes[$0] }), let first = node.inputs.first else {
      return nil
    }
    switch node.operatorType {
    case "Shape" where node.attributes.isEmpty: return rank(of: first)
    case "Unsqueeze": return rank(of: first) == 0 ? 1 : nil
    case "Cast", "Identity": return extent(ofVector: first)
    case "Concat":
      var sum = 0
      for input in node.inputs {
        guard let part = extent(ofVector: input) else { return nil }
        sum += part
      }
      return sum
    default: return nil
    }
  }
}
