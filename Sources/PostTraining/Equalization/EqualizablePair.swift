import Graph
import Tensors

/// Two layers between which every channel can have a scale of its own.
struct EqualizablePair {
  /// The nodes.
  let first: Int
  let second: Int
  /// A Clip between them whose upper bound is cut at another value in every channel then.
  let clip: Int?

  /// Why a layer has no partner.
  struct Obstacle: Error {
    let reason: String
  }

  /// Follows the result of layer `first` to the only layer that reads it.
  init(from first: Int, in index: GraphIndex) throws(Obstacle) {
    var value = index.nodes[first].outputs[0]
    var clip: Int?
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
        self.init(first: first, second: reader, clip: clip)
        return
      }
      // The largest float is what an absent bound is in operator set 6.
      if node.operatorType == "Clip",
        (index.clippingBounds(of: node)?.upperBound ?? .infinity) < .greatestFiniteMagnitude
      {
        guard clip == nil else { throw Obstacle(reason: "several Clip nodes lie behind them") }
        clip = reader
      }
      guard Self.keepsScales(node, in: index) else {
        throw Obstacle(reason: "\(node.operatorType) lies behind them")
      }
      value = node.outputs[0]
    }
  }

  private init(first: Int, second: Int, clip: Int?) {
    (self.first, self.second, self.clip) = (first, second, clip)
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
