public import Calibration
import Execution
public import Graph
public import PostTraining
import Tensors

/// The layers of a network whose precision is searched for, and what they may have.
///
/// Layers with weights take part, except those that settings leave in float and those that a rule of the
/// settings gives levels already.
public struct PrecisionSpace: Sendable {
  /// A layer.
  public struct Layer: Sendable, Hashable {
    /// The node's label.
    public let label: String
    /// Multiplications of one sample.
    public let multiplications: Int
    /// Numbers in the weights.
    public let weightCount: Int
  }

  /// The layers, in the order in which they run.
  public let layers: [Layer]
  /// What each may have.
  public let choices: [LayerPrecision]
  /// The network, prepared for quantization.
  public let graph: Graph
  /// How it is quantized but for the levels of the layers.
  public let settings: QuantizationSettings

  /// The layers, by place, whose activations have one quantizer: they have one number of levels, the largest
  /// that one of them wants. Every layer is in one group.
  public let groups: [[Int]]

  /// What calibration must look at.
  public let observedValues: Set<String>
  /// The values whose channels' means are needed, and where their channels are.
  public let channelAxes: [String: ChannelAxis]
  /// The patches whose moments are needed, by value.
  public let patches: [String: Set<PatchGeometry>]

  /// Plans a search.
  ///
  /// - Parameters:
  ///   - graph: A float network, prepared for quantization.
  ///   - choices: What a layer may have, at least two different ones; they are sorted by bits, most first.
  ///   - settings: How it is quantized but for the levels of the layers.
  /// - Throws: `SettingsError` for choices that are none; `GraphError` for a network without a layer to
  ///   quantize, or whose shapes are not known.
  public init(
    _ graph: Graph, choices: [LayerPrecision], settings: QuantizationSettings
  ) throws {
    let choices = Set(choices).sorted {
      ($0.weightLevels, $0.activationLevels) > ($1.weightLevels, $1.activationLevels)
    }
    guard choices.count > 1 else {
      throw SettingsError("a search needs at least two different precisions to choose from")
    }
    var settings = settings
    settings.borderLevels = nil
    self.settings = settings
    self.graph = graph
    self.choices = choices
    let plan = try QuantizationPlan(graph, settings: settings)
    (layers, groups) = try Self.layers(of: plan, settings)

    var observed = plan.observedValues
    var patches: [String: Set<PatchGeometry>] = [:]
    for choice in choices {
      for layer in [nil] + layers.map(Optional.some) {
        var settings = settings
        choice.apply(to: &settings)
        if let layer { settings.only = [NodePattern(exactly: layer.label)] }
        let plan = try QuantizationPlan(graph, settings: settings)
        observed.formUnion(plan.observedValues)
        observed.formUnion(plan.observedResults(for: settings))
        patches.merge(plan.patches(for: settings)) { $0.union($1) }
      }
    }
    observedValues = observed.union(patches.keys)
    channelAxes = settings.improvements.contains(.bias) ? plan.channelAxes : [:]
    self.patches = patches
  }

  private static func layers(
    of plan: QuantizationPlan, _ settings: QuantizationSettings
  ) throws -> (layers: [Layer], groups: [[Int]]) {
    let analysis = try GraphAnalysis(of: plan.graph)
    let multiplications = Dictionary(
      analysis.nodes.map { ($0.node.outputs[0], $0.multiplications) }, uniquingKeysWith: { $1 })
    var layers: [Layer] = []
    var groups: [(quantizer: String, layers: [Int])] = []
    for number in plan.weights.keys.sorted() {
      let node = plan.graph.nodes[number]
      let isGiven = settings.layers.contains { rule in
        (rule.weightLevels ?? rule.activationLevels) != nil && rule.pattern.matches(node)
      }
      guard !isGiven, plan.decisions[number].isQuantized else { continue }
      guard let count = multiplications[node.outputs[0]] ?? nil else {
        throw GraphError.unsupported(
          "node '\(node.label)' (\(node.operatorType)): the shapes that it reads are not known")
      }
      guard !layers.contains(where: { $0.label == node.label }) else {
        throw GraphError.unsupported(
          "two nodes have the name '\(node.label)': a layer's precision is given by its name")
      }
      let quantizer = plan.values[node.inputs[0]]?.group ?? node.inputs[0]
      if let group = groups.firstIndex(where: { $0.quantizer == quantizer }) {
        groups[group].layers.append(layers.count)
      } else {
        groups.append((quantizer, [layers.count]))
      }
      layers.append(
        Layer(
          label: node.label, multiplications: count,
          weightCount: plan.weights[number].flatMap { plan.graph.initializers[$0.name]?.count } ?? 0
        ))
    }
    guard layers.count > 1 else {
      throw GraphError.unsupported(
        "\(layers.count) layers of the network are quantized and have no levels given: there is nothing to "
          + "distribute")
    }
    return (layers, groups.map(\.layers))
  }

  /// The settings that give every layer one of the choices.
  ///
  /// - Parameter options: For each layer, which of the ``choices``.
  public func settings(_ options: [Int]) -> QuantizationSettings {
    precondition(
      options.count == layers.count, "\(options.count) options for \(layers.count) layers")
    var settings = settings
    settings.layers += zip(layers, options).map { choices[$1].rule(forLayer: $0.label) }
    return settings
  }

  /// The settings by which one layer alone is quantized.
  func settings(only layer: Int, at option: Int) -> QuantizationSettings {
    settings.quantizing(only: layers[layer].label, at: choices[option])
  }

  /// Every layer's options where all have the same precision: one row for each of ``choices``.
  public var uniform: [[Int]] {
    choices.indices.map { option in layers.map { _ in option } }
  }

  /// The same, the first and the last layer with the most bits; none where there are no others.
  public var uniformWithFineBorders: [[Int]] {
    guard layers.count > 2 else { return [] }
    return uniform.dropFirst().map { options in
      var options = options
      options[0] = 0
      options[options.count - 1] = 0
      return options
    }
  }
}
