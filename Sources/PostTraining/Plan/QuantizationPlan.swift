public import Calibration
public import Graph
public import Quantization

/// What is quantized how, and what stays in float and why.
///
/// A plan is made in two steps. ``QuantizationPlan/init(_:settings:)`` settles from the graph alone
/// which nodes and values take part; its ``observedValues`` are what calibration must look at.
/// `assign(_:scales:)` then gives the quantizers of activations.
public struct QuantizationPlan: Sendable {
  /// The graph that is planned for, prepared by `PreparedModel`; nodes in execution order.
  public package(set) var graph: Graph

  /// One decision a node, in the order of the graph's nodes.
  public internal(set) var decisions: [NodeDecision]

  /// The quantized activations by value name.
  public package(set) var values: [String: ValuePlan]

  /// Weighted nodes' weights, by the index of the node.
  public internal(set) var weights: [Int: WeightPlan]

  /// What the user should know.
  public package(set) var warnings: [String]

  /// The values whose channels' means serve the correction of biases, and where their channels are.
  public var channelAxes: [String: ChannelAxis] {
    var axes: [String: ChannelAxis] = [:]
    var contradicted: Set<String> = []
    for (number, weights) in weights where weights.takesBias(graph.nodes[number]) {
      let node = graph.nodes[number]
      let axis: ChannelAxis = node.operatorType == "Conv" ? .second : .last
      if let other = axes.updateValue(axis, forKey: node.inputs[0]), other != axis {
        contradicted.insert(node.inputs[0])
      }
    }
    return axes.filter { !contradicted.contains($0.key) }
  }

  /// The patches that weighted nodes with scales for every channel meet, by the name of the value.
  ///
  /// - Parameter settings: Those by which scales are chosen; `nil` for all that some settings could need.
  public func patches(for settings: QuantizationSettings?) -> [String: Set<PatchGeometry>] {
    var patches: [String: Set<PatchGeometry>] = [:]
    for (number, weights) in weights {
      guard let geometry = weights.patches,
        settings?.needsMoments(of: weights) ?? (weights.granularity == .channel)
      else { continue }
      patches[graph.nodes[number].inputs[0], default: []].insert(geometry)
    }
    return patches
  }

  /// Names of the values whose ranges decide the quantizers, and of those whose means correct biases.
  public var observedValues: Set<String> { rangeSources.union(channelAxes.keys) }

  /// Names of the values whose ranges decide the quantizers.
  public var rangeSources: Set<String> { Set(values.values.flatMap(\.rangeSources)) }
}

/// What becomes of a node.
public enum NodeDecision: Sendable, Hashable {
  /// Computes on quantized values.
  case quantized
  /// Moves quantized values without changing them.
  case passesThrough
  /// Disappears: the quantizer of the value does its clipping.
  case fusedIntoQuantizer(of: String)
  /// Stays as it is.
  case float(reason: String)

  /// Whether the node works on quantized values or has become part of a quantizer.
  public var isQuantized: Bool {
    if case .float = self { false } else { true }
  }
}

/// A quantized activation.
public struct ValuePlan: Sendable, Hashable {
  /// The number of codes.
  public var levels: Int
  /// Values with the same group share their quantizer; the group is named after one of them.
  public var group: String
  /// The values whose histograms together give the group's range.
  public var rangeSources: [String]
  /// Clipping that the quantizer does for a fused Relu or Clip, in the value's units.
  public var clipping: ClosedRange<Float>?
  /// The quantizer; `nil` until it is assigned.
  public var quantizer: Quantizer?
  /// How the quantizer was chosen where that was not by the settings' method.
  var method: RangeMethod?
}

/// A weight tensor to quantize.
public struct WeightPlan: Sendable, Hashable {
  /// The initializer.
  public var name: String
  /// The number of codes.
  public var levels: Int
  /// The axis of the output channels; `nil` where there is none (stacks of matrices).
  public var channelAxis: Int?
  /// What shares a scale.
  public var granularity: Granularity
  /// Whether every scale has a zero point; otherwise it is the middle code.
  public var hasZeroPoints = false
  /// The int32 bias, if the node has one.
  public var bias: String?
  /// Output channels, groups included.
  public var outputChannels: Int
  /// What its filters meet; `nil` where that cannot be told.
  public var patches: PatchGeometry?
  /// Whether the weights of an output channel's quantizer meet all groups of input channels.
  var meetsAllGroups: Bool
}

extension WeightPlan {
  /// Whether the operator has a place for a bias that its mean error can go to.
  func takesBias(_ node: Node) -> Bool {
    ["Conv", "Gemm"].contains(node.operatorType)
  }
}
