import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors

/// What of a network is quantized while it is trained; nothing of it changes.
struct QuantizedNetwork: Sendable {
  /// How.
  let settings: QuantizedTrainingSettings
  /// The prepared graph with the nodes, weights and values that take part; without quantizers.
  let plan: QuantizationPlan
  /// The plan's graph for batches of training, with the normalizations that are kept.
  let closed: Graph
  /// The layers whose weights are quantized, in the order of computation.
  let layers: [QuantizedLayer]
  /// The values that have a quantizer of their own, in the order of computation.
  let activations: [QuantizedActivation]
  /// The scales that are trained.
  let learnedScales: [LearnedScale]
  /// What is trained, learned scales last.
  let parameters: TrainedParameters
  /// What of the settings has nothing to do here.
  let warnings: [String]

  /// Prepares and plans as quantization without training does.
  ///
  /// Constant operands of quantized nodes, such as factors of a Mul, are quantized at once and stay as
  /// they are.
  ///
  /// - Throws: `SettingsError`; `GraphError` for a model that cannot be prepared, in which nothing is
  ///   quantized, or in which two layers share their weights.
  init(_ model: Graph, settings: QuantizedTrainingSettings, batch: Int) throws {
    try settings.validate()
    let (prepared, normalizations) = try model.preparedWithNormalizations()
    let kept = settings.normalization == .keep ? normalizations : []
    var plan = try QuantizationPlan(prepared, settings: settings.quantization)
    let constants = try plan.quantizedConstants(settings.quantization)
    for (name, constant) in constants { plan.graph.initializers[name] = constant.values }
    let index = GraphIndex(plan.graph)
    let borders = index.borderLayers { plan.weights[$0] != nil }
    layers = try plan.weights.keys.sorted().map { number in
      try QuantizedLayer(
        number, of: plan, in: index,
        isBorder: borders.contains(number) && settings.quantization.borderLevels != nil,
        normalizations: kept)
    }
    guard !layers.isEmpty else {
      throw GraphError.unsupported("no layer of the model is quantized: there is nothing to train")
    }
    try Self.refuseSharedWeights(layers, in: plan.graph)
    try Self.refuseGroups(layers, settings)
    try Self.refuseUnbounded(layers, in: plan.graph, settings)
    activations = try Self.activations(of: plan, layers: layers, in: index)
    var closed = try plan.graph.closed(batch: batch)
    for layer in layers { layer.normalization?.add(behind: layer, to: &closed) }
    closed.nodes = try closed.sortedNodes()
    self.closed = closed
    var trained = closed
    trained.outputs = Array(closed.outputs.prefix(1))
    trained.nodes = try trained.sortedNodes()
    trained.removeDeadNodes()
    // What only a fixed batch makes constant is not in the model that is written.
    learnedScales =
      settings.learnsScales
      ? LearnedScale.all(
        layers: layers, activations: activations, plan: plan,
        includesWeights: settings.codesEveryStep || settings.trainsScalesOfSettledWeights) : []
    parameters = try TrainedParameters(
      of: trained, among: Set(plan.graph.initializers.keys).subtracting(constants.keys)
    ).appending(
      layers.compactMap { layer in layer.normalization.map { ($0.scale, [layer.filterCount]) } }
        + learnedScales.map { ($0.name, $0.shape) })
    warnings = Self.warnings(of: kept, layers: layers, settings)
    let names = Set(parameters.parts.map(\.name))
    for layer in layers where !names.contains(layer.weights.name) {
      throw GraphError.unsupported(
        "node '\(layer.node.label)' has no part in the first output, which alone is trained: leave "
          + "it in float")
    }
    self.plan = plan
    self.settings = settings
  }

  private static func warnings(
    of normalizations: [FoldedNormalization], layers: [QuantizedLayer],
    _ settings: QuantizedTrainingSettings
  ) -> [String] {
    guard settings.normalization == .keep else { return [] }
    guard !normalizations.isEmpty else {
      return ["no BatchNormalization stands behind a layer: there is none to keep"]
    }
    let own = Set(layers.compactMap { $0.normalization?.folded.weights })
    return normalizations.filter { !own.contains($0.weights) }.map {
      "the normalization in '\($0.weights)' is not kept: the layer is not quantized"
    }
  }

  /// Refuses scales of groups of weights, which a rule can give a single layer, where filters have one.
  private static func refuseGroups(
    _ layers: [QuantizedLayer], _ settings: QuantizedTrainingSettings
  ) throws {
    for layer in layers where layer.weights.groupSize != nil {
      guard !settings.codesEveryStep, !settings.compensates, layer.normalization == nil else {
        throw GraphError.unsupported(
          "node '\(layer.node.label)' has scales for groups of weights, where a filter has one: codes "
            + "that are made in every step, compensation and kept normalizations have no groups")
      }
    }
  }

  private static func refuseSharedWeights(_ layers: [QuantizedLayer], in graph: Graph) throws {
    for layer in layers {
      let other = graph.nodes.first {
        $0.inputs.contains(layer.weights.name) && $0.outputs != layer.node.outputs
          && !layers.map(\.node.outputs).contains($0.outputs)
      }
      guard let other else { continue }
      throw GraphError.unsupported(
        "node '\(layer.node.label)' shares the weights '\(layer.weights.name)' with '\(other.label)', which "
          + "stays in float: leave both in float")
    }
    let users = Dictionary(grouping: layers, by: \.weights.name)
    for (name, users) in users.sorted(by: { $0.key < $1.key }) where users.count > 1 {
      throw GraphError.unsupported(
        "nodes '\(users[0].node.label)' and '\(users[1].node.label)' share the weights '\(name)': "
          + "they cannot be quantized one after the other")
    }
  }

  private static func activations(
    of plan: QuantizationPlan, layers: [QuantizedLayer], in index: GraphIndex
  ) throws -> [QuantizedActivation] {
    let shapes = try GraphAnalysis(of: plan.graph).shapes
    let sources = Set(plan.values.values.flatMap(\.rangeSources))
    let writers = index.writer
    return try sources.sorted { (writers[$0] ?? -1, $0) < (writers[$1] ?? -1, $1) }.map { name in
      guard let group = plan.values[name]?.group, let shape = shapes[name]?.shape else {
        throw GraphError.unsupported(
          "the shape of '\(name)' is not known before it is computed")
      }
      let origin = ChannelOrigin(of: name, layers: layers, shapes: shapes, in: index)
      return QuantizedActivation(
        value: name, group: group, shape: shape, channelAxis: origin?.axis,
        makers: origin?.layers ?? [],
        firstReader: plan.firstReader(of: group, layers: layers, in: index))
    }
  }
}

/// A layer whose weights are quantized.
struct QuantizedLayer: Sendable {
  /// The node's place in the plan's graph.
  let number: Int
  /// The node.
  let node: Node
  /// Its weights.
  let weights: WeightPlan
  /// The weights' shape.
  let shape: [Int]
  /// The group of its data's quantizer.
  let inputGroup: String
  /// Whether it has more levels than others for being one of the first or last.
  let isBorder: Bool
  /// The normalization that stays behind it in training.
  let normalization: KeptNormalization?

  init(
    _ number: Int, of plan: QuantizationPlan, in index: GraphIndex, isBorder: Bool,
    normalizations: [FoldedNormalization]
  ) throws {
    let node = index.nodes[number]
    guard let weights = plan.weights[number], let tensor = index.constants[weights.name],
      let input = plan.values[node.inputs[0]]
    else { preconditionFailure("'\(node.label)' was planned without data or weights") }
    self.number = number
    self.node = node
    self.weights = weights
    shape = tensor.shape
    inputGroup = input.group
    self.isBorder = isBorder
    normalization = normalizations.first { $0.weights == weights.name }.map(KeptNormalization.init)
    guard let normalization else { return }
    guard !sharesQuantizer, normalization.folded.means.count == filterCount else {
      throw GraphError.unsupported(
        "node '\(node.label)': its normalization cannot be kept, because channels that it scales "
          + "share a scale of weights")
    }
  }

  /// The filters: slices of the weights along the axis of output channels; a stack of matrices is one.
  /// Channel c of the result is made by filter `c % filterCount`, which with groups of a transposed
  /// convolution has several.
  var filterCount: Int { weights.channelAxis.map { shape[$0] } ?? 1 }

  /// The number of quantizers.
  var quantizerCount: Int {
    if sharesQuantizer { return 1 }
    let length = shape.reduce(1, *) / filterCount
    let size = weights.groupSize ?? length
    return filterCount * ((length + size - 1) / size)
  }

  /// Parameters of a number a channel that belong to the filters: biases, and scales of a
  /// normalization.
  var companions: [String] { [weights.bias, normalization?.scale].compactMap(\.self) }

  /// A shape of as many dimensions as the weights', all 1 but that of the filters.
  func shapeOfFilters(_ count: Int) -> [Int] {
    var result = shape.map { _ in 1 }
    if let axis = weights.channelAxis { result[axis] = count }
    return result
  }

  /// The same for rows of scales: all 1 where filters share one.
  func shapeOfRows(_ count: Int) -> [Int] {
    sharesQuantizer ? shape.map { _ in 1 } : shapeOfFilters(count)
  }

  /// Whether all filters share one quantizer.
  var sharesQuantizer: Bool { weights.granularity == .tensor || weights.channelAxis == nil }
}

/// A value with a quantizer of its own; those of a group have the same numbers.
struct QuantizedActivation: Sendable {
  /// The value's name.
  let value: String
  /// The plan's group.
  let group: String
  /// The value's shape for one sample.
  let shape: [Int]
  /// Where channels are that come from filters; `nil` where there are none.
  let channelAxis: Int?
  /// The layers whose filters make the channels.
  let makers: [Int]
  /// The layer with whose first portion the value is quantized at the latest.
  let firstReader: Int

  /// The number of channels; 1 where they do not matter.
  var channelCount: Int { channelAxis.map { shape[$0] } ?? 1 }
}

extension QuantizationPlan {
  /// The first layer at or behind the first node that computes on values of `group`, otherwise the
  /// last layer.
  fileprivate func firstReader(
    of group: String, layers: [QuantizedLayer], in index: GraphIndex
  ) -> Int {
    let members = values.filter { $0.value.group == group }.keys
    let readers = members.flatMap { index.readers[$0] ?? [] }.filter { decisions[$0] == .quantized }
    guard let first = readers.min() else { return layers.count - 1 }
    return layers.firstIndex { $0.number >= first } ?? layers.count - 1
  }
}
