import LowBit

extension Graph {
  /// The graph with a DequantizeLinear behind the codes that nobody dequantizes, so that what they
  /// stand for can be compared with floats: codes `NAME_quantized` give `NAME_dequantized`.
  ///
  /// The codes are those of QuantizeLinear and of the operators on codes, and codes that passed
  /// through operators that only move values.
  func withDequantizedResults() -> Graph {
    var graph = self
    let index = GraphIndex(self)
    let taken = Set(nodes.flatMap(\.outputs))
    var quantizers: [String: [String]] = [:]
    for node in nodes {
      guard let quantizer = Self.quantizer(ofResultsOf: node, quantizers) else { continue }
      for codes in node.outputs where !codes.isEmpty {
        quantizers[codes] = quantizer
        guard codes.hasSuffix("_quantized") else { continue }
        let name = codes.dropLast("_quantized".count) + "_dequantized"
        guard !taken.contains(String(name)) else { continue }
        graph.nodes.append(
          Node(
            "DequantizeLinear", inputs: [index.clipped(codes)] + quantizer,
            outputs: [String(name)]))
      }
    }
    return graph
  }

  /// The names of the scale and the zero point of a node's results; `nil` where they are no codes.
  private static func quantizer(
    ofResultsOf node: Node, _ quantizers: [String: [String]]
  ) -> [String]? {
    if let place = resultScale[node.operatorType] {
      return node.inputs.count > place + 1 ? Array(node.inputs[place...(place + 1)]) : nil
    }
    guard node.movesValues || node.operatorType == "Clip" else { return nil }
    return node.inputs.first.flatMap { quantizers[$0] }
  }

  /// Where the operators on codes have the scale of their result; its zero point follows.
  private static let resultScale = [
    "QuantizeLinear": 1,
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
