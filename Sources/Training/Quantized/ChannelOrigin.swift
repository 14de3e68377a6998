import Execution
import Graph
import PostTraining

/// Where the channels of a value come from: filters of one layer or, behind sums, of several.
struct ChannelOrigin {
  /// The axis of the channels.
  let axis: Int
  /// Places of the layers.
  let layers: [Int]

  /// Follows `value` upwards through operators that keep channels apart.
  ///
  /// - Returns: `nil` where a channel holds anything else, such as data of the graph's inputs or of
  ///   layers in float.
  init?(
    of value: String, layers: [QuantizedLayer], shapes: [String: GraphAnalysis.ValueShape],
    in index: GraphIndex
  ) {
    guard let shape = shapes[value]?.shape, let number = index.writer[value] else { return nil }
    let node = index.nodes[number]
    func origin(_ input: String) -> ChannelOrigin? {
      ChannelOrigin(of: input, layers: layers, shapes: shapes, in: index)
    }
    if let layer = layers.firstIndex(where: { $0.number == number }) {
      guard layers[layer].weights.channelAxis != nil else { return nil }
      axis = node.operatorType == "MatMul" ? shape.count - 1 : 1
      self.layers = [layer]
      return
    }
    guard node.domain.isEmpty else { return nil }
    let operands = index.activationInputs(of: number).map(origin)
    guard let first = operands.first, let first, first.axis < shape.count else { return nil }
    if Self.elementwise.contains(node.operatorType) {
      axis = first.axis
      self.layers = first.layers
    } else if Self.spatial.contains(node.operatorType), first.axis == 1 {
      axis = 1
      self.layers = first.layers
    } else if ["Add", "Mul"].contains(node.operatorType),
      // A sum is a channel's when all that is added is; constants along channels are.
      operands.allSatisfy({ $0?.axis == first.axis }),
      index.activationInputs(of: number).allSatisfy({ shapes[$0]?.shape == shape })
    {
      axis = first.axis
      self.layers = Set(operands.flatMap { $0?.layers ?? [] }).sorted()
    } else {
      return nil
    }
  }

  private static let elementwise: Set<String> = [
    "Relu", "Clip", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Gelu",
    "Softplus", "Identity", "Dropout", "BatchNormalization",
  ]

  private static let spatial: Set<String> = [
    "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
  ]
}
