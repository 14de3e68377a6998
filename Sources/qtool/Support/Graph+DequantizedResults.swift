import LowBit

extension Graph {
  /// The graph with a DequantizeLinear behind the operators on codes, so that what they compute can
  /// be compared with floats: codes `NAME_quantized` give `NAME_dequantized`.
  func withDequantizedResults() -> Graph {
    var graph = self
    let index = GraphIndex(self)
    let taken = Set(nodes.flatMap(\.outputs))
    for node in nodes {
      guard let place = Self.resultScale[node.operatorType], node.inputs.count > place + 1,
        let codes = node.outputs.first, codes.hasSuffix("_quantized")
      else { continue }
      let name = codes.dropLast("_quantized".count) + "_dequantized"
      guard !taken.contains(String(name)) else { continue }
      graph.nodes.append(
        Node(
          "DequantizeLinear",
          inputs: [index.clipped(codes), node.inputs[place], node.inputs[place + 1]],
          outputs: [String(name)]))
    }
    return graph
  }

  /// Where the operators on codes have the scale of their result; its zero point follows.
  private static let resultScale = [
    "QLinearConv": 6, "QLinearMatMul": 6, "QGemm": 7, "QLinearAdd": 6, "QLinearMul": 6,
    "QLinearConcat": 0, "QLinearAveragePool": 3, "QLinearGlobalAveragePool": 3,
    "QLinearSigmoid": 3, "QLinearLeakyRelu": 3, "QLinearSoftmax": 3,
  ]
}

extension GraphIndex {
  /// The codes that readers of `codes` see: behind the Clip that follows, where one does.
  fileprivate func clipped(_ codes: String) -> String {
    guard let reader = onlyReader(of: codes), nodes[reader].operatorType == "Clip" else {
      return codes
    }
    return nodes[reader].outputs[0]
  }
}
