import Graph
import Tensors

/// Two layers between which every channel can have a scale of its own.
struct EqualizablePair {
  /// The nodes.
  let first: Int
  let second: Int
  /// A Clip between them whose upper bound is cut at another value in every channel then.
  let clip: Int?
  /// A Min behind the Clip that does so already.
  let limit: Int?
  /// A pool between them that counts zeros beside its data.
  let paddedPool: Int?

  /// Why a layer has no partner.
  struct Obstacle: Error {
    let reason: String
  }

  /// Follows the result of layer `first` to the only layer that reads it.
  init(from first: Int, in index: GraphIndex) throws(Obstacle) {
    var value = index.nodes[first].outputs[0]
    var (clip, limit, paddedPool): (Int?, Int?, Int?)
    while true {
      if index.outputs.contains(value) {
        throw Obstacle(reason: "an output of the model lies behind them")
      }
      guard let reader = index.onlyReader(of: value) else {
        throw Obstacle(reason: "their results are read in several places")
      }
      let node = index.nodes[reader]
      guard node.isStandard, node.inputs.first == value else {
        throw Obstacle(reason: "\(node.operatorType) lies behind them")
      }
      if let weights = index.constants[node.inputs.count > 1 ? node.inputs[1] : ""],
        weights.elementType == .float32, WeightChannels(dataOf: node, weights) != nil
      {
        self.init(
          first: first, second: reader, clip: clip, limit: limit, paddedPool: paddedPool)
        return
      }
      // The largest float is what an absent bound is in operator set 6.
      if node.operatorType == "Clip",
        (index.clippingBounds(of: node)?.upperBound ?? .infinity) < .greatestFiniteMagnitude
      {
        guard clip == nil else { throw Obstacle(reason: "several Clip nodes lie behind them") }
        clip = reader
      }
      if let writer = index.writer[value], writer == clip, limit == nil,
        Self.limitsChannels(node, of: first, in: index)
      {
        limit = reader
        value = node.outputs[0]
        continue
      }
      if node.operatorType == "AveragePool", node.isPadded,
        node.integer("count_include_pad", default: 0) != 0
      {
        paddedPool = reader
      }
      guard Self.keepsScales(node, in: index) else {
        throw Obstacle(reason: "\(node.operatorType) lies behind them")
      }
      value = node.outputs[0]
    }
  }

  private init(first: Int, second: Int, clip: Int?, limit: Int?, paddedPool: Int?) {
    (self.first, self.second) = (first, second)
    (self.clip, self.limit, self.paddedPool) = (clip, limit, paddedPool)
  }

  /// Whether a node is a Min with a constant bound for every channel of layer `first`, as `cle` writes it.
  private static func limitsChannels(
    _ node: Node, of first: Int, in index: GraphIndex
  ) -> Bool {
    let layer = index.nodes[first]
    guard node.operatorType == "Min", node.inputs.count == 2,
      let limits = index.constants[node.inputs[1]], limits.elementType == .float32,
      let weights = index.constants[layer.inputs[1]],
      let channels = WeightChannels(resultsOf: layer, weights)?.count
    else { return false }
    return limits.shape == [channels] + Array(repeating: 1, count: max(weights.rank - 2, 0))
      && limits.array(of: Float.self).allSatisfy { $0 > 0 }
  }

  /// Whether a node gives s times as much for s times its data, channel by channel, for any s > 0; a Clip
  /// but for its upper bound.
  private static func keepsScales(_ node: Node, in index: GraphIndex) -> Bool {
    switch node.operatorType {
    case "Relu", "LeakyRelu", "AveragePool", "GlobalAveragePool", "GlobalMaxPool": return true
    case "MaxPool": return node.outputs.dropFirst().allSatisfy(\.isEmpty)
    case "PRelu": return index.isConstant(node.inputs[1])
    case "Clip":
      guard let bounds = index.clippingBounds(of: node) else { return false }
      return (bounds.lowerBound == 0 || bounds.lowerBound <= -.greatestFiniteMagnitude)
        && bounds.upperBound > 0
    default: return false
    }
  }
}

extension Node {
  /// Whether the operator is one of ONNX itself.
  var isStandard: Bool { domain.isEmpty || domain == "ai.onnx" }
}
