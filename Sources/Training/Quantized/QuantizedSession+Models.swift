public import Graph
import Operations
public import PostTraining
import Quantization
import Tensors

extension QuantizedSession {
  /// The network as it computes now, in floats, with operators of the domain `lowbit` for quantizers.
  ///
  /// Where a layer's weights all have their codes, or are coded in every step, its bias is what the
  /// written model's int32 bias stands for: once all portions are quantized, the results are those of
  /// ``exportedModel()`` run in floats.
  ///
  /// - Throws: `GraphError` when a bias has outgrown int32.
  public func evaluatedModel() throws -> Graph {
    let now = try now()
    var (graph, state) = network.folded(now.state, now.tensors)
    graph = try network.bounded(graph, state)
    for place in network.layers.indices {
      guard let bias = try writtenBias(of: place, state, in: graph) else { continue }
      let layer = network.layers[place]
      // A bias may serve several nodes, each with scales of its own.
      let name = "\(layer.weights.name)\0bias"
      graph.initializers[name] = bias
      graph.nodes[layer.number].inputs[2] = name
    }
    return try FakeQuantizedGraph(
      network, state, current: currentPortion?.layer, graph: graph, isBounded: true
    ).graph
  }

  /// The quantized network in the form of ``PostTraining/QuantizationSettings/target``.
  ///
  /// - Throws: `GraphError` before everything is quantized, when a settled weight has moved, or when a
  ///   bias has outgrown int32.
  public func exportedModel() throws -> Graph { try quantizedModel().graph() }

  /// The quantized network with its plan and codes, for reports.
  ///
  /// - Throws: As ``exportedModel()``.
  public func quantizedModel() throws -> QuantizedModel {
    try checkSettledWeights(in: trainer.trainedTensors())
    let (trained, tensors) = try now()
    // A settled code is the nearest one of its own value.
    let codesEveryStep = network.settings.codesEveryStep
    if let open = network.layers.indices.first(where: {
      codesEveryStep ? trained.weights[$0].allQuantizers == nil : !trained.weights[$0].isComplete
    }) {
      throw GraphError.unsupported(
        "node '\(network.layers[open].node.label)' is not quantized yet: a quantized model can be "
          + "written once the last stage has begun")
    }
    let (folded, state) = network.folded(trained, tensors)
    let graph = try network.bounded(folded, state)
    var plan = state.plan
    plan.graph = graph
    plan.warnings += state.remedies
    plan.warnings += network.biasCuts(from: folded, to: graph, state).map(\.description)
    var weights: [Int: QuantizedWeights] = [:]
    var biases: [Int: [Float]] = [:]
    for (place, layer) in network.layers.enumerated() {
      let own = state.weights[place]
      let quantizers = own.allQuantizers ?? []
      let codes =
        codesEveryStep
        ? layer.weights.codes(of: graph.weights(of: layer), quantizers, improvements: [])
        : Tensor(
          own.codes, shape: layer.shape, as: QuantizedWeights.storage(levels: layer.weights.levels))
      weights[layer.number] = QuantizedWeights(
        codes: codes, quantizers: quantizers,
        axis: layer.sharesQuantizer ? nil : layer.weights.channelAxis,
        groupSize: layer.weights.groupSize)
      try requireBiasInRange(of: place, state, quantizers, in: graph)
      biases[layer.number] = layer.weights.bias.flatMap {
        graph.initializers[$0]?.array(of: Float.self)
      }
    }
    var settings = network.settings.quantization
    if let accumulator = network.settings.accumulator {
      // The written integers are proven, whatever training has done for it.
      settings.accumulator = AccumulatorSettings(
        bits: accumulator.bits, constraint: accumulator.constraint)
    }
    return try QuantizedModel(plan, settings: settings, weights: weights, biases: biases)
  }

  /// What the int32 bias of the written model stands for; `nil` where it will have none, or where that
  /// is not settled.
  private func writtenBias(
    of place: Int, _ state: QuantizationState, in graph: Graph
  ) throws -> Tensor? {
    let layer = network.layers[place]
    guard let bias = state.bias(of: layer, in: graph),
      let quantizers = state.weights[place].allQuantizers,
      network.settings.codesEveryStep || state.weights[place].isComplete
    else { return nil }
    try requireBiasInRange(of: place, state, quantizers, in: graph)
    let codes = biasCheck(bias).codes(quantizers)
    return Tensor(
      codes.enumerated().map { channel, code in
        Float(code) * (bias.dataScale * quantizers[channel % quantizers.count].scale)
      })
  }

  private func requireBiasInRange(
    of place: Int, _ state: QuantizationState, _ quantizers: [Quantizer], in graph: Graph
  ) throws {
    let layer = network.layers[place]
    guard let bias = state.bias(of: layer, in: graph) else { return }
    var widened = quantizers
    _ = biasCheck(bias).widen(&widened)
    guard let row = widened.indices.first(where: { widened[$0] != quantizers[$0] }) else { return }
    throw GraphError.invalid(
      "node '\(layer.node.label)': the bias of channel \(row) has become too large for int32 beside "
        + "weights of scale \(quantizers[row].scale)")
  }

  private func biasCheck(_ bias: (values: [Float], dataScale: Float)) -> BiasCheck {
    BiasCheck(
      values: bias.values, dataScale: bias.dataScale,
      isPowerOfTwo: network.settings.quantization.scales == .powerOfTwo)
  }
}
