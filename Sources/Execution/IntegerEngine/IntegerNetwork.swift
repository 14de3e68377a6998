public import Graph
public import Quantization

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

  /// How sums become codes.
  public let requantization: Requantization

  /// The integer network of `graph`, which computes by the arithmetic that its metadata name.
  ///
  /// - Parameters:
  ///   - graph: A quantized model.
  ///   - allowsOverflow: Whether sums that 32 bits do not hold are let through, for whoever looks at
  ///     ``layers`` and runs nothing.
  /// - Throws: ``Graph/GraphError`` when the nodes of `graph` cannot be put in order, when the arithmetic
  ///   is not known, and when a node that works on codes has no form in it: scales that are no powers of
  ///   two, a shift to the left, sums that 32 bits do not hold, an operator that only ONNX Runtime
  ///   defines.
  public init(_ graph: Graph, allowsOverflow: Bool = false) throws {
    requantization = try graph.requantization()
    var codes = try CodesWriter(graph, requantization)
    let onCodes = try codes.rewritten()
    // Products of two computed factors round as ONNX Runtime does, or stay in float.
    let roundsComputed = requantization == .float
    var writer = try PackedWriter(
      onCodes.withIntegerProductsOfAllWidths(roundsComputed: roundsComputed), requantization,
      allowsOverflow: allowsOverflow)
    try writer.write()
    if writer.hasNarrowProducts {
      // What cannot be packed runs on its operator, which takes 8 bits only.
      writer = try PackedWriter(
        onCodes.withIntegerProducts(roundsComputed: roundsComputed), requantization,
        allowsOverflow: allowsOverflow)
      try writer.write()
    }
    if let refusal = writer.refusal { throw refusal }
    self.graph = writer.finished()
    layers = writer.layers
    islands = try self.graph.floatIslands()
  }
}

extension PackedWriter {
  /// Writes all nodes.
  fileprivate mutating func write() throws {
    for (number, node) in index.nodes.enumerated() where !isDone(number) {
      if try !writePacked(node) { appendPlain(node) }
    }
  }

  /// Whether node `number` has become part of another one.
  fileprivate func isDone(_ number: Int) -> Bool {
    let node = index.nodes[number]
    return node.operatorType == "Clip" && isDefined(node.outputs[0])
  }

  /// Writes `node` on packed codes, or says that it cannot.
  fileprivate mutating func writePacked(_ node: Node) throws -> Bool {
    switch (node.domain, node.operatorType) {
    case ("", "QLinearConv"), ("com.microsoft", "QLinearConv"): try convolution(node)
    case ("com.microsoft", "QGemm"): try gemm(node)
    case ("", "QLinearMatMul"), ("com.microsoft", "QLinearMatMul"): try product(node)
    case ("", "MatMulInteger"): integerProduct(node)
    case ("com.microsoft", "QLinearAdd"): try residual(node) || combine(node)
    case ("com.microsoft", "QLinearMul"): try combine(node)
    case ("com.microsoft", "QLinearAveragePool"): try pool(node, "AveragePoolPacked")
    case ("com.microsoft", "QLinearGlobalAveragePool"): try pool(node, "GlobalAveragePoolPacked")
    case ("", "MaxPool"): try pool(node, "MaxPoolPacked")
    case (OperatorDomain.lowBit, "MapCodes"): map(node)
    case ("", "Clip"): clip(node)
    case ("", "Flatten"), ("", "Reshape"): flatten(node) || move(node)
    case ("", _): move(node)
    default: false
    }
  }
}
