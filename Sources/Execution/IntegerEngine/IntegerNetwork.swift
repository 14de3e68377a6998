public import Graph

/// A quantized graph as an integer network: between convolutions and matrix products codes stay
/// packed, channels last, and no float lies between two of them where it can be avoided.
///
/// The graph is for ``Executor`` alone; it has operators that no file has. Its outputs have the same
/// bits as those of ``Graph/Graph/withIntegerProducts()``.
public struct IntegerNetwork: Sendable {
  /// What is run.
  public let graph: Graph
  /// The products of codes, in the order in which they run.
  public let layers: [IntegerLayer]
  /// The nodes that are computed in float.
  public let islands: [FloatIsland]

  /// The integer network of `graph`.
  ///
  /// - Throws: ``Graph/GraphError`` when the nodes of `graph` cannot be put in order.
  public init(_ graph: Graph) throws {
    var codes = try CodesWriter(graph)
    let onCodes = try codes.rewritten()
    var writer = try PackedWriter(onCodes.withIntegerProductsOfAllWidths())
    writer.write()
    if writer.hasNarrowProducts {
      // What cannot be packed runs on its operator, which takes 8 bits only.
      writer = try PackedWriter(onCodes.withIntegerProducts())
      writer.write()
    }
    self.graph = writer.finished()
    layers = writer.layers
    islands = try self.graph.floatIslands()
  }
}

extension PackedWriter {
  /// Writes all nodes.
  fileprivate mutating func write() {
    for (number, node) in index.nodes.enumerated() where !isDone(number) {
      if !writePacked(node) { appendPlain(node) }
    }
  }

  /// Whether node `number` has become part of another one.
  fileprivate func isDone(_ number: Int) -> Bool {
    let node = index.nodes[number]
    return node.operatorType == "Clip" && isDefined(node.outputs[0])
  }

  /// Writes `node` on packed codes, or says that it cannot.
  fileprivate mutating func writePacked(_ node: Node) -> Bool {
    switch (node.domain, node.operatorType) {
    case ("", "QLinearConv"), ("com.microsoft", "QLinearConv"): convolution(node)
    case ("com.microsoft", "QGemm"): gemm(node)
    case ("", "QLinearMatMul"), ("com.microsoft", "QLinearMatMul"): product(node)
    case ("", "MatMulInteger"): integerProduct(node)
    case ("com.microsoft", "QLinearAdd"): residual(node) || combine(node, "AddPacked")
    case ("com.microsoft", "QLinearMul"): combine(node, "MultiplyPacked")
    case ("com.microsoft", "QLinearAveragePool"): pool(node, "AveragePoolPacked")
    case ("com.microsoft", "QLinearGlobalAveragePool"): pool(node, "GlobalAveragePoolPacked")
    case ("", "Concat"): concatenate(node)
    case ("", "MaxPool"): pool(node, "MaxPoolPacked")
    case (packedDomain, "MapCodes"): map(node)
    case ("", "Clip"): clip(node)
    case ("", "Flatten"), ("", "Reshape"): flatten(node)
    default: false
    }
  }
}
