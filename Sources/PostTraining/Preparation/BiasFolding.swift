import Graph
import Tensors

extension Graph {
  /// Makes a constant that is added to a convolution's result, one number a channel, its bias, and a
  /// product of matrices followed by such an addition a Gemm.
  mutating func foldBiases() {
    let index = GraphIndex(self)
    var ranks = Ranks(of: self)
    var removed: Set<Int> = []
    for (number, node) in nodes.enumerated()
    where node.operatorType == "Add" && node.domain.isEmpty {
      guard let constantPlace = node.inputs.firstIndex(where: index.isConstant),
        let addend = initializers[node.inputs[constantPlace]], addend.elementType == .float32,
        let source = index.writer[node.inputs[1 - constantPlace]],
        index.onlyReader(of: node.inputs[1 - constantPlace]) == number
      else { continue }
      let folded =
        nodes[source].operatorType == "MatMul"
        ? ranks.rank(of: nodes[source].inputs[0]) == 2 && makeGemm(source, addend, index)
        : addBias(source, addend)
      guard folded else { continue }
      nodes[source].outputs = [node.outputs[0]]
      removed.insert(number)
    }
    nodes = nodes.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
  }

  private mutating func addBias(_ source: Int, _ addend: Tensor) -> Bool {
    let node = nodes[source]
    guard node.operatorType == "Conv" || node.operatorType == "ConvTranspose",
      let weights = initializers[node.inputs[1]], weights.rank > 2
    else { return false }
    let channels =
      node.operatorType == "Conv"
      ? weights.shape[0] : weights.shape[1] * node.integer("group", default: 1)
    // Channels are the dimension before the spatial ones.
    let spatial = weights.rank - 2
    guard addend.rank > spatial, addend.count == channels,
      addend.shape[addend.rank - spatial - 1] == channels, addend.rank <= weights.rank
    else { return false }
    var bias = addend.array(of: Float.self)
    if node.inputs.count > 2, !node.inputs[2].isEmpty {
      guard let own = initializers[node.inputs[2]]?.doubles, own.count == channels else {
        return false
      }
      bias = zip(own, bias).map { Float($0 + Double($1)) }
    }
    let name = addInitializer(Tensor(bias), "\(node.outputs[0])_bias")
    nodes[source].inputs = Array(node.inputs.prefix(2)) + [name]
    return true
  }

  private mutating func makeGemm(_ source: Int, _ addend: Tensor, _ index: GraphIndex) -> Bool {
    let node = nodes[source]
    guard let weights = initializers[node.inputs[1]], weights.elementType == .float32,
      weights.rank == 2, !index.isConstant(node.inputs[0]), addend.count == weights.shape[1],
      addend.rank <= 2, addend.shape.last == weights.shape[1]
    else { return false }
    let name = addInitializer(
      addend.reshaped(to: [weights.shape[1]]), "\(node.outputs[0])_bias")
    nodes[source].operatorType = "Gemm"
    nodes[source].inputs.append(name)
    return true
  }

  /// Takes alpha and beta of Gemm into its weights and its bias, and makes the bias a vector.
  mutating func normalizeProducts() {
    for number in nodes.indices where nodes[number].operatorType == "Gemm" {
      let node = nodes[number]
      guard let weights = initializers[node.inputs[1]], let values = weights.doubles else {
        continue
      }
      let alpha = Double(node.number("alpha", default: 1))
      let beta = Double(node.number("beta", default: 1))
      var bias: [Double]?
      if node.inputs.count > 2, !node.inputs[2].isEmpty {
        bias = initializers[node.inputs[2]]?.doubles
        guard bias != nil else { continue }
      }
      if alpha != 1 {
        nodes[number].inputs[1] = addInitializer(
          Tensor(values.map { Float($0 * alpha) }, shape: weights.shape), "\(node.inputs[1])_scaled"
        )
      }
      let columns = weights.shape[node.integer("transB", default: 0) != 0 ? 0 : 1]
      if let bias, bias.count == columns || bias.count == 1 {
        let all = bias.count == 1 ? [Double](repeating: bias[0], count: columns) : bias
        nodes[number].inputs[2] = addInitializer(
          Tensor(all.map { Float($0 * beta) }), "\(node.outputs[0])_bias")
      } else if bias != nil, beta != 1 {
        continue
      }
      nodes[number].attributes["alpha"] = nil
      nodes[number].attributes["beta"] = nil
    }
  }
}
