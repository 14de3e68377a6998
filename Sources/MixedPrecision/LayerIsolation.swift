public import Calibration
public import Graph
public import Operations
public import PostTraining
import Quantization

/// The layers of a plan, each to be quantized alone with the levels that it has there, the rest in float:
/// which layer costs what in answers.
public struct LayerIsolation: Sendable {
  /// A layer.
  public struct Layer: Sendable {
    /// The node's label.
    public let label: String
    /// Its levels.
    public let precision: LayerPrecision
    fileprivate let settings: QuantizationSettings
  }

  /// The layers with weights that are quantized, in the order in which they run.
  public let layers: [Layer]
  /// What calibration must look at.
  public let observedValues: Set<String>
  /// The patches whose moments are needed, by value.
  public let patches: [String: Set<PatchGeometry>]

  private let graph: Graph

  /// - Parameters:
  ///   - plan: What is quantized how.
  ///   - graph: The float network, prepared for quantization.
  ///   - settings: Those of the plan.
  /// - Throws: `GraphError` for layers that have one name.
  public init(_ plan: QuantizationPlan, of graph: Graph, settings: QuantizationSettings) throws {
    self.graph = graph
    var layers: [Layer] = []
    var observed: Set<String> = []
    var patches: [String: Set<PatchGeometry>] = [:]
    for number in plan.weights.keys.sorted() where plan.decisions[number].isQuantized {
      let node = plan.graph.nodes[number]
      guard let weights = plan.weights[number], let activation = plan.values[node.inputs[0]] else {
        continue
      }
      guard !layers.contains(where: { $0.label == node.label }) else {
        throw GraphError.unsupported(
          "two nodes have the name '\(node.label)': which of them costs what cannot be told by name"
        )
      }
      let precision = LayerPrecision(
        weightLevels: weights.levels, activationLevels: activation.levels)
      let own = settings.quantizing(only: node.label, at: precision)
      let plan = try QuantizationPlan(graph, settings: own)
      observed.formUnion(plan.observedValues)
      observed.formUnion(plan.observedResults(for: own))
      patches.merge(plan.patches(for: own)) { $0.union($1) }
      layers.append(Layer(label: node.label, precision: precision, settings: own))
    }
    self.layers = layers
    self.patches = patches
    observedValues = observed.union(patches.keys)
  }

  /// How far the answers are from the float network's when one layer alone is quantized.
  ///
  /// - Parameters:
  ///   - layer: Its place in ``layers``.
  ///   - observations: What calibration saw of ``observedValues``.
  ///   - channelMeans: The means of channels where they come from elsewhere.
  ///   - answers: The float network's.
  ///   - backend: Where.
  public func divergence<B: Backend>(
    ofLayer layer: Int, _ observations: Observations, channelMeans: [String: [Double]]? = nil,
    _ answers: AnswerComparison<B>, on backend: B
  ) throws -> OutputDivergence {
    let model = try QuantizedModel(
      graph, histograms: observations.histograms,
      channelMeans: channelMeans ?? observations.channelMeans,
      patchMoments: observations.patchMoments, settings: layers[layer].settings, on: backend)
    do {
      return try answers.divergence(of: model.graph())
    } catch let error as GraphError {
      throw error.located(in: "layer '\(layers[layer].label)' at \(layers[layer].precision)")
    }
  }
}

extension QuantizationSettings {
  /// The settings by which the layer of this label alone is quantized.
  func quantizing(only label: String, at precision: LayerPrecision) -> QuantizationSettings {
    var settings = self
    settings.only = [NodePattern(exactly: label)]
    settings.borderLevels = nil
    // The layers before it stay in float: there is nothing that it could be fitted to.
    settings.improvements.remove(.sequential)
    settings.improvements.subtract(Improvement.learning)
    // Which differs for the last value of the network alone, and runs the whole of it for that.
    if settings.activationRange == .crossEntropy { settings.activations.range = .mse }
    settings.layers.append(precision.rule(forLayer: label))
    return settings
  }
}
