import Datasets
public import Graph
import PostTraining
import Tensors

extension Graph {
  /// The network before any training: weights drawn as He et al. propose ("Delving Deep into
  /// Rectifiers", 2015), evenly from `-b ... b` with `b = sqrt(6 / inputs of an output)`, which has
  /// their variance of `2 / inputs`; biases 0, normalizations 1, 0 and statistics 0, 1.
  ///
  /// - Parameter seed: What is drawn depends on it and on the order of the nodes alone.
  /// - Returns: The network, and the names of parameters that keep their values: they are no weight,
  ///   bias or normalization, but a table that is added or multiplied.
  /// - Throws: ``GraphError`` for a model that is quantized or has no parameter to train.
  public func initialized(seed: UInt64) throws -> (graph: Graph, kept: [String]) {
    var graph = try preparedForTraining(foldsNormalizations: false)
    let index = GraphIndex(graph)
    var generator = SplitMix64(state: seed)
    var drawn: Set<String> = []
    for node in try graph.sortedNodes() where node.domain.isEmpty {
      for (place, name) in node.inputs.enumerated() {
        guard let tensor = graph.initializers[name], tensor.elementType == .float32,
          !drawn.contains(name), let fill = node.fill(place, tensor.shape, index)
        else { continue }
        drawn.insert(name)
        graph.initializers[name] = fill.tensor(tensor.shape, &generator)
      }
    }
    let parameters = try TrainedParameters(of: graph).parts.map(\.name)
    return (graph, parameters.filter { !drawn.contains($0) })
  }
}

/// What an initializer begins with.
private enum Fill {
  case value(Float)
  /// Evenly, with the variance of this many inputs.
  case weights(inputs: Int)

  func tensor(_ shape: [Int], _ generator: inout SplitMix64) -> Tensor {
    switch self {
    case .value(let value): return Tensor(repeating: value, shape: shape)
    case .weights(let inputs):
      let bound = (6 / Double(max(inputs, 1))).squareRoot()
      let values = (0..<shape.reduce(1, *)).map { _ in
        Float((Double(generator.next() >> 11) * 0x1p-52 - 1) * bound)
      }
      return Tensor(values, shape: shape)
    }
  }
}

extension Node {
  /// How the initializer at an input begins; `nil` where the input is no parameter of its own kind.
  fileprivate func fill(_ place: Int, _ shape: [Int], _ index: GraphIndex) -> Fill? {
    let groups = integer("group", default: 1)
    switch (operatorType, place) {
    case ("Conv", 1): return .weights(inputs: shape.dropFirst().reduce(1, *))
    case ("ConvTranspose", 1):
      return .weights(inputs: shape[0] / groups * shape.dropFirst(2).reduce(1, *))
    case ("Gemm", 1) where shape.count == 2:
      return .weights(inputs: shape[integer("transB", default: 0) != 0 ? 1 : 0])
    case ("MatMul", 1) where shape.count >= 2: return .weights(inputs: shape[shape.count - 2])
    case ("Conv", 2), ("ConvTranspose", 2), ("Gemm", 2): return .value(0)
    case ("BatchNormalization", 1), ("BatchNormalization", 4), ("LayerNormalization", 1):
      return .value(1)
    case ("BatchNormalization", 2), ("BatchNormalization", 3), ("LayerNormalization", 2):
      return .value(0)
    case ("Add", _):
      // A bias that stands by itself.
      let other = index.writer[inputs[1 - place]].map { index.nodes[$0].operatorType }
      return ["Conv", "ConvTranspose", "MatMul", "Gemm"].contains(other) ? .value(0) : nil
    default: return nil
    }
  }
}
