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
  /// - Throws: What the backend throws when parameters are read.
  public func evaluatedModel() throws -> Graph {
    let now = try now()
    var (graph, state) = network.folded(now.state, now.tensors)
    graph = try network.bounded(graph, state)
    _ = network.widenScales(in: &graph, &state)
    for place in network.layers.indices {
      guard let bias = writtenBias(of: place, state, in: graph) else { continue }
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
  /// - Throws: `GraphError` before everything is quantized, or when a settled weight has moved.
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
    var (folded, state) = network.folded(trained, tensors)
    var graph = try network.bounded(folded, state)
    let biasCuts = network.biasCuts(from: folded, to: graph, state)
    state.remedies += network.widenScales(in: &graph, &state)
    var plan = state.plan
    plan.graph = graph
    plan.warnings += state.remedies
    plan.warnings += biasCuts.map(\.description)
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
  ) -> Tensor? {
    guard let (check, quantizers) = network.biasCheck(of: place, state, in: graph) else {
      return nil
    }
    return Tensor(
      check.codes(quantizers).enumerated().map { channel, code in
        Float(code) * (check.dataScale * quantizers[channel % quantizers.count].scale)
      })
  }
}

extension QuantizedNetwork {
  /// The int32 bias that a layer will have, and the quantizers beside it; `nil` where it will have none
  /// or where these are not settled.
  fileprivate func biasCheck(
    of place: Int, _ state: QuantizationState, in graph: Graph
  ) -> (check: BiasCheck, quantizers: [Quantizer])? {
    guard let bias = state.bias(of: layers[place], in: graph),
      let quantizers = state.weights[place].allQuantizers,
      settings.codesEveryStep || state.weights[place].isComplete
    else { return nil }
    let check = BiasCheck(
      values: bias.values, dataScale: bias.dataScale,
      isPowerOfTwo: settings.quantization.scales == .powerOfTwo)
    return (check, quantizers)
  }

  /// Raises scales of weights beside which a bias has outgrown int32, as before the first step, and gives
  /// the weights of these channels the values of their codes by the new scales.
  ///
  /// Such a channel is next to constant: training has made its weights small beside its bias.
  ///
  /// - Returns: What was raised, one message a channel.
  fileprivate func widenScales(
    in graph: inout Graph, _ state: inout QuantizationState
  ) -> [String] {
    var messages: [String] = []
    for (place, layer) in layers.enumerated() {
      guard let (check, quantizers) = biasCheck(of: place, state, in: graph) else { continue }
      var widened = quantizers
      messages += check.widen(&widened).map { "\(layer.node.label): \($0)" }
      let rows = widened.indices.filter { widened[$0] != quantizers[$0] }
      guard !rows.isEmpty else { continue }
      var weights = graph.weights(of: layer).array(of: Float.self)
      for row in rows {
        let quantizer = widened[row]
        let filters = layer.sharesQuantizer ? Array(0..<layer.filterCount) : [row]
        for index in FilterPlaces(layer).places(of: filters) {
          let code = quantizer.code(of: weights[index]) - quantizer.zeroPoint
          weights[index] = quantizer.scale * Float(code)
          state.weights[place].codes[index] = Int8(code)
        }
      }
      graph.initializers[layer.weights.name] = Tensor(weights, shape: layer.shape)
      state.weights[place].quantizers = widened
    }
    return messages
  }
}
