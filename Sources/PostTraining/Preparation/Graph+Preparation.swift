public import Graph

extension Graph {
  /// The graph in the form that quantization plans for: constants are initializers, normalizations and
  /// biases are parts of the convolutions and products before them, and the operator set is new
  /// enough for quantizers along an axis.
  ///
  /// Values keep their names; some disappear. In exact arithmetic the graph computes the same.
  ///
  /// - Throws: `GraphError` for a graph that is invalid, that cannot be upgraded, or that is quantized
  ///   already.
  public func preparedForQuantization() throws -> Graph {
    try preparedWithNormalizations().graph
  }

  /// The same, and the BatchNormalizations that have become parts of layers.
  package func preparedWithNormalizations() throws -> (
    graph: Graph, normalizations: [FoldedNormalization]
  ) {
    try refuseQuantized()
    var graph = try upgraded(toOpset: 13)
    graph.moveConstantNodes()
    graph.nodes = try graph.sortedNodes()
    try graph.foldShapes()
    try graph.foldConstants()
    graph.removeIdentities()
    let normalizations = graph.foldBatchNormalizations()
    graph.foldBiases()
    graph.normalizeProducts()
    graph.foldPadding()
    graph.removeDeadNodes()
    return (graph, normalizations)
  }

  /// The graph in the form that float training keeps and writes: constants are initializers, and
  /// what follows from constants alone is one.
  ///
  /// Values keep their names; the operator set stays.
  ///
  /// - Parameter foldsNormalizations: Whether BatchNormalization becomes a part of the convolution or
  ///   Gemm before it, or, where there is none, a Mul and an Add.
  /// - Throws: `GraphError` for a graph that is invalid or quantized already.
  public func preparedForTraining(foldsNormalizations: Bool) throws -> Graph {
    try refuseQuantized()
    var graph = self
    try graph.foldAllConstants()
    if foldsNormalizations {
      graph.foldBatchNormalizations()
      graph.replaceBatchNormalizations()
    }
    graph.removeDeadNodes()
    return graph
  }

  /// Makes initializers of constants and of what follows from constants alone.
  package mutating func foldAllConstants() throws {
    moveConstantNodes()
    nodes = try sortedNodes()
    try foldConstants()
  }

  /// Makes initializers of what follows from the shapes of inputs whose extents are all fixed.
  package mutating func foldFixedShapes() throws {
    try foldShapes()
    try foldConstants()
  }

  private func refuseQuantized() throws(GraphError) {
    let kinds: Set = [
      "QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
      "MatMulInteger", "DynamicQuantizeLinear", "MatMulNBits",
    ]
    if let node = nodes.first(where: { kinds.contains($0.operatorType) }) {
      throw .unsupported(
        "the model is quantized already: node '\(node.label)' is a \(node.operatorType); quantize "
          + "the float model")
    }
  }
}
