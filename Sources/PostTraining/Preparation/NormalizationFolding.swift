import Graph
import Tensors

/// A BatchNormalization that has become a part of the layer before it, as it would stand behind the
/// layer with its new weights and without a bias.
package struct FoldedNormalization: Sendable {
  /// The initializer of the new weights.
  package let weights: String
  /// The value that it gave, and that the layer gives now.
  let value: String
  /// What it makes of each channel.
  let moments: ChannelMoments
  /// The mean of each channel.
  package let means: [Double]
  /// The variance of each channel.
  package let variances: [Double]
  /// What is added to variances.
  package let epsilon: Float
  /// What a step of training keeps of running statistics.
  package let momentum: Float
}

extension Graph {
  /// Makes BatchNormalization a part of the convolution or Gemm that it alone reads.
  ///
  /// With `a = scale / sqrt(variance + epsilon)`, computed in `Double`: the weights of channel m are
  /// multiplied by `a[m]`, and the bias becomes `(bias - mean) * a + shift`.
  ///
  /// - Returns: What has become a part of layers.
  @discardableResult
  mutating func foldBatchNormalizations() -> [FoldedNormalization] {
    var folded: [FoldedNormalization] = []
    let index = GraphIndex(self)
    var removed: Set<Int> = []
    for (number, node) in nodes.enumerated() where node.operatorType == "BatchNormalization" {
      guard let source = index.writer[node.inputs[0]], !removed.contains(source),
        index.onlyReader(of: node.inputs[0]) == number,
        let layout = ChannelLayout(nodes[source], initializers),
        let normalization = Normalization(node, initializers),
        normalization.factors.count == layout.channels
      else { continue }
      let weights = nodes[source].inputs[1]
      let scaled = layout.scaled(by: normalization.factors)
      let bias = zip(layout.bias, zip(normalization.factors, normalization.shifts)).map {
        Float($0 * $1.0 + $1.1)
      }
      nodes[source].inputs[1] = addInitializer(scaled, "\(weights)_normalized")
      folded.append(
        normalization.behind(nodes[source].inputs[1], bias: layout.bias, of: node))
      let biasName = addInitializer(Tensor(bias), "\(node.outputs[0])_bias")
      nodes[source].inputs = Array(nodes[source].inputs.prefix(2)) + [biasName]
      nodes[source].outputs = [node.outputs[0]]
      removed.insert(number)
    }
    nodes = nodes.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
    return folded
  }

  /// Makes a BatchNormalization that follows no convolution or Gemm a Mul and an Add of a number a
  /// channel.
  mutating func replaceBatchNormalizations() {
    var ranks = Ranks(of: self)
    var replaced: [Node] = []
    for node in nodes {
      guard node.operatorType == "BatchNormalization", node.domain.isEmpty,
        let line = Normalization(node, initializers), let rank = ranks.rank(of: node.inputs[0])
      else {
        replaced.append(node)
        continue
      }
      let shape = [line.factors.count] + Array(repeating: 1, count: rank - 2)
      let output = node.outputs[0]
      let factors = addInitializer(
        Tensor(line.factors.map { Float($0) }, shape: shape), "\(output)_factor")
      let shifts = addInitializer(
        Tensor(line.shifts.map { Float($0) }, shape: shape), "\(output)_shift")
      let scaled = freeName("\(output)_scaled")
      replaced.append(Node("Mul", inputs: [node.inputs[0], factors], outputs: [scaled]))
      replaced.append(
        Node(name: node.name, "Add", inputs: [scaled, shifts], outputs: [output]))
    }
    nodes = replaced
  }

  /// Adds a constant under a name that is not taken.
  mutating func addInitializer(_ tensor: Tensor, _ base: String) -> String {
    let name = freeName(base)
    initializers[name] = tensor
    return name
  }

  /// `base`, or `base_2`, `base_3` ... where that is taken.
  func freeName(_ base: String) -> String {
    let taken = Set(
      nodes.flatMap { $0.inputs + $0.outputs } + inputs.map(\.name) + outputs.map(\.name))
    var name = base
    var number = 2
    while taken.contains(name) || initializers[name] != nil {
      name = "\(base)_\(number)"
      number += 1
    }
    return name
  }
}

/// A normalization as a factor and a shift a channel.
struct Normalization {
  let factors: [Double]
  let shifts: [Double]
  private let means: [Double]
  private let variances: [Double]

  /// The channels of the result, by the statistics of what is normalized.
  var result: ChannelMoments {
    ChannelMoments(
      means: factors.indices.map { factors[$0] * means[$0] + shifts[$0] },
      deviations: factors.indices.map { factors[$0].magnitude * max(variances[$0], 0).squareRoot() }
    )
  }

  init?(_ node: Node, _ constants: [String: Tensor]) {
    guard node.inputs.count == 5, node.integer("training_mode", default: 0) == 0 else {
      return nil
    }
    let parameters = node.inputs[1...].compactMap { constants[$0]?.doubles }
    guard parameters.count == 4, Set(parameters.map(\.count)).count == 1 else { return nil }
    let epsilon = Double(node.number("epsilon", default: 1e-5))
    let (scale, shift, mean, variance) =
      (parameters[0], parameters[1], parameters[2], parameters[3])
    let factors = zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
    self.factors = factors
    shifts = shift.indices.map { shift[$0] - mean[$0] * factors[$0] }
    (means, variances) = (mean, variance)
  }

  /// The normalization behind the layer whose weights have its factors, and whose bias was `bias`.
  func behind(_ weights: String, bias: [Double], of node: Node) -> FoldedNormalization {
    FoldedNormalization(
      weights: weights, value: node.outputs[0], moments: result,
      means: factors.indices.map { factors[$0] * (means[$0] - bias[$0]) },
      variances: factors.indices.map { factors[$0] * factors[$0] * variances[$0] },
      epsilon: node.number("epsilon", default: 1e-5),
      momentum: node.number("momentum", default: 0.9))
  }
}

/// Where the output channels lie in a weighted node's constants.
private struct ChannelLayout {
  let weights: Tensor
  let axis: Int
  let groups: Int
  let channels: Int
  let bias: [Double]

  init?(_ node: Node, _ constants: [String: Tensor]) {
    guard node.inputs.count > 1, let weights = constants[node.inputs[1]],
      weights.elementType == .float32
    else { return nil }
    groups = node.operatorType == "ConvTranspose" ? node.integer("group", default: 1) : 1
    switch node.operatorType {
    case "Conv": axis = 0
    case "ConvTranspose": axis = 1
    case "Gemm" where node.number("alpha", default: 1) == 1 && node.number("beta", default: 1) == 1:
      axis = node.integer("transB", default: 0) != 0 ? 0 : 1
    default: return nil
    }
    self.weights = weights
    let channels = weights.shape[axis] * groups
    self.channels = channels
    guard node.inputs.count > 2, !node.inputs[2].isEmpty else {
      bias = [Double](repeating: 0, count: channels)
      return
    }
    guard let own = constants[node.inputs[2]]?.doubles, own.count == channels else { return nil }
    bias = own
  }

  /// The weights with every output channel multiplied by its factor.
  func scaled(by factors: [Double]) -> Tensor {
    let values = weights.array(of: Float.self)
    let inner = weights.shape[(axis + 1)...].reduce(1, *)
    let perGroup = weights.shape[axis]
    let rowsPerGroup = axis == 1 ? weights.shape[0] / groups : 1
    let scaled = values.indices.map { position -> Float in
      let channel = position / inner % perGroup
      let row = position / (inner * perGroup)
      let group = axis == 1 ? row / rowsPerGroup : 0
      return Float(Double(values[position]) * factors[group * perGroup + channel])
    }
    return Tensor(scaled, shape: weights.shape)
  }
}

extension Tensor {
  /// The elements of a `float32` tensor.
  var doubles: [Double]? {
    elementType == .float32 ? array(of: Float.self).map(Double.init) : nil
  }
}
