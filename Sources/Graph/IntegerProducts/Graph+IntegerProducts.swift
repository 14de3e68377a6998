import Tensors

extension Graph {
  /// The graph with products of dequantized 8-bit codes computed on the codes, as runtimes with
  /// integer kernels compute them.
  ///
  /// `DequantizeLinear -> Conv -> QuantizeLinear` becomes QLinearConv, the same around Gemm
  /// `com.microsoft`'s QGemm and around MatMul QLinearMatMul; Gemm and MatMul need no quantizer
  /// behind them. A Relu or Clip that cuts off nothing but what the quantizer cuts off anyway
  /// disappears. These are the groups that ONNX Runtime forms at its default optimization, and what
  /// comes out has the same bits there: sums are exact integers, and scaled once.
  ///
  /// What does not fit (floats on one side, other widths, scales that are computed, a bias that is not
  /// in units of the product's scale) stays as it is. All other operators compute the same on
  /// dequantized codes as on codes.
  public func withIntegerProducts() -> Graph { withIntegerProducts(roundsComputed: true) }

  /// The same; without `roundsComputed`, products of two computed factors have codes only where these
  /// become floats.
  package func withIntegerProducts(roundsComputed: Bool) -> Graph {
    var rewriting = IntegerProducts(
      self, takesNarrow: false, roundsComputed: roundsComputed)
    return rewriting.rewritten()
  }

  /// The same, and convolutions and matrix products with constant factors also where codes are stored
  /// in 4 or 2 bits, or where the result's are of another type than the operand's.
  ///
  /// The operators' own rules allow neither; whoever runs the graph must.
  package func withIntegerProductsOfAllWidths(roundsComputed: Bool = true) -> Graph {
    var rewriting = IntegerProducts(self, takesNarrow: true, roundsComputed: roundsComputed)
    return rewriting.rewritten()
  }
}

/// Products of codes in place of products of dequantized codes.
private struct IntegerProducts {
  private let index: GraphIndex
  private var graph: Graph
  private var names: ValueNames
  /// What stands in place of a node.
  private var replacements: [Int: [Node]] = [:]

  /// Whether codes may be narrower than a byte.
  private let takesNarrow: Bool
  /// Whether products of two computed factors may end in codes.
  private let roundsComputed: Bool

  init(_ graph: Graph, takesNarrow: Bool, roundsComputed: Bool) {
    self.graph = graph
    self.roundsComputed = roundsComputed
    self.takesNarrow = takesNarrow
    index = GraphIndex(graph)
    names = ValueNames(of: graph)
  }

  mutating func rewritten() -> Graph {
    for (number, node) in index.nodes.enumerated() where node.domain.isEmpty {
      switch node.operatorType {
      case "Conv": convolution(node, number)
      case "Gemm": gemm(node, number)
      case "MatMul": product(node, number)
      default: break
      }
    }
    guard !replacements.isEmpty else { return graph }
    graph.nodes = index.nodes.indices.flatMap { replacements[$0] ?? [index.nodes[$0]] }
    if graph.nodes.contains(where: { $0.domain == microsoft }), graph.opsets[microsoft] == nil {
      graph.opsets[microsoft] = 1
    }
    graph.removeDeadNodes()
    return graph
  }

  // MARK: Operators

  private mutating func convolution(_ node: Node, _ number: Int) {
    guard node.inputs.count >= 2, let (data, weights) = factors(node), data.scales.count == 1,
      weights.isOneScale(orAlong: 0), let result = index.quantizer(behind: number),
      fits(result, data, weights)
    else { return }
    var operands = names(of: data) + names(of: weights) + [result.scale, result.zeroPoint]
    if node.inputs.count > 2, !node.inputs[2].isEmpty {
      guard let bias = bias(node.inputs[2], data, weights) else { return }
      operands.append(bias)
    }
    replace(node, number, by: "QLinearConv", "", operands, result)
  }

  private mutating func gemm(_ node: Node, _ number: Int) {
    guard node.inputs.count >= 2, let (a, b) = factors(node), a.scales.count == 1,
      b.isOneScale(orAlong: node.flag("transB") ? 0 : 1)
    else { return }
    var node = node
    var bias = ""
    if node.inputs.count > 2, !node.inputs[2].isEmpty {
      guard node.isOne("alpha"), node.isOne("beta"), let found = self.bias(node.inputs[2], a, b)
      else { return }
      bias = found
    }
    node.attributes["beta"] = nil
    let operands = names(of: a) + names(of: b) + [bias]
    if let result = index.quantizer(behind: number), fits(result, a, b) {
      replace(
        node, number, by: "QGemm", microsoft, operands + [result.scale, result.zeroPoint], result)
    } else if !index.isQuantized(behind: number) {
      node.operatorType = "QGemm"
      node.domain = microsoft
      node.inputs = operands
      replacements[number] = [node]
    }
  }

  private mutating func product(_ node: Node, _ number: Int) {
    guard node.inputs.count == 2, let (a, b) = factors(node), a.scales.count == 1,
      b.isOneScale(orAlong: b.rank.map { $0 - 1 })
    else { return }
    if let result = index.quantizer(behind: number), fits(result, a, b) {
      let operands = names(of: a) + names(of: b) + [result.scale, result.zeroPoint]
      replace(node, number, by: "QLinearMatMul", "", operands, result)
    } else if !index.isQuantized(behind: number) {
      floatProduct(node, number, a, b)
    }
  }

  /// Exact sums, scaled to floats.
  private mutating func floatProduct(
    _ node: Node, _ number: Int, _ a: QuantizedOperand, _ b: QuantizedOperand
  ) {
    let result = node.outputs[0]
    let (first, second) = (names(of: a), names(of: b))
    var sum = node
    sum.operatorType = "MatMulInteger"
    sum.inputs = [first[0], second[0], first[2], second[2]]
    sum.outputs = [names.unique("\(result)_int32")]
    let wide = names.unique("\(result)_sum")
    let scale = names.unique("\(result)_scale")
    graph.initializers[scale] = Tensor(b.scales.map { $0 * a.scales[0] }, shape: b.scaleShape)
    // 1 is ONNX's number of float32.
    replacements[number] = [
      sum, Node("Cast", inputs: sum.outputs, outputs: [wide], attributes: ["to": .int(1)]),
      Node("Mul", inputs: [wide, scale], outputs: [result]),
    ]
  }

  /// Puts an operator on codes in the place of `node`, of what is absorbed and of the quantizer.
  private mutating func replace(
    _ node: Node, _ number: Int, by operatorType: String, _ domain: String, _ operands: [String],
    _ result: QuantizedResult
  ) {
    var copy = node
    copy.operatorType = operatorType
    copy.domain = domain
    copy.inputs = operands
    copy.outputs = [result.codes]
    replacements[number] = [copy]
    for other in result.absorbed { replacements[other] = [] }
  }

  // MARK: Operands

  /// The two factors of a product, dequantized from codes of 8 bits or, where that is allowed and the
  /// second is constant, fewer.
  private func factors(_ node: Node) -> (QuantizedOperand, QuantizedOperand)? {
    guard let a = index.dequantized(node.inputs[0]), let b = index.dequantized(node.inputs[1]),
      [a, b].allSatisfy({ isByte($0.type) || takesNarrow && b.rank != nil && $0.type.bitCount < 8 })
    else { return nil }
    return (a, b)
  }

  private func isByte(_ type: ElementType) -> Bool { [.int8, .uint8].contains(type) }

  /// Whether a product of `a` and `b` can write the codes of `result`.
  private func fits(
    _ result: QuantizedResult, _ a: QuantizedOperand, _ b: QuantizedOperand
  ) -> Bool {
    (roundsComputed || b.rank != nil)
      && (result.type == a.type || takesNarrow && b.rank != nil && result.type.bitCount <= 8)
  }

  /// The names of an operand's codes, scale and zero point; one that is left out is 0.
  private mutating func names(of operand: QuantizedOperand) -> [String] {
    if let zeroPoint = operand.zeroPoint { return [operand.codes, operand.scale, zeroPoint] }
    let zero = names.unique("\(operand.codes)_zero_point")
    graph.initializers[zero] =
      operand.type == .int8 ? Tensor(scalar: Int8(0)) : Tensor(scalar: UInt8(0))
    return [operand.codes, operand.scale, zero]
  }

  /// The int32 codes of a bias in units of the product's scale: read in these units, every code must
  /// be the nearest to what it stands for.
  private func bias(_ value: String, _ a: QuantizedOperand, _ b: QuantizedOperand) -> String? {
    guard let bias = index.dequantized(value), bias.type == .int32, bias.isZeroPointZero,
      let codes = index.constants[bias.codes], codes.rank == 1, bias.isOneScale(orAlong: 0)
    else { return nil }
    let count = codes.count
    func scale(_ scales: [Float], _ channel: Int) -> Float {
      scales[scales.count == 1 ? 0 : channel]
    }
    guard [bias.scales.count, b.scales.count].allSatisfy({ $0 == 1 || $0 == count }) else {
      return nil
    }
    for (channel, code) in codes.array(of: Int32.self).enumerated() {
      let unit = Double(a.scales[0] * scale(b.scales, channel))
      let own = Double(scale(bias.scales, channel))
      guard abs(Double(code) * (own / unit - 1)) < 0.5 else { return nil }
    }
    return bias.codes
  }
}

/// ONNX Runtime's own operators.
private let microsoft = "com.microsoft"

extension Node {
  fileprivate func flag(_ name: String) -> Bool {
    if case .int(let value)? = attributes[name] { value != 0 } else { false }
  }

  /// Whether a factor is 1, as where it is left out.
  fileprivate func isOne(_ name: String) -> Bool {
    if case .float(let value)? = attributes[name] { value == 1 } else { true }
  }
}
