import Graph
import PostTraining
import Quantization
import Tensors

// Weights whose codes keep an accumulator within a width, and the biases that fit beside them: in every
// step, and once in what is evaluated and written.

extension FakeQuantizedGraph {
  /// Bounded fake quantization between weights and the node that reads them.
  mutating func quantizeWeights(
    of place: Int, _ quantizers: [Quantizer], by bound: AccumulatorBound
  ) {
    let layer = network.layers[place]
    let name = layer.weights.name
    let scale = scale(
      LearnedScale.name(ofWeights: name),
      Tensor(quantizers.map(\.scale), shape: layer.sharesQuantizer ? [] : [quantizers.count]))
    let values = "\(name)\0fake"
    codedWeights[name] = (values: values, scale: scale)
    guard let number = graph.place(of: layer), let dataScale = dataScale(of: layer) else { return }
    graph.nodes.append(
      Node(
        "BoundedFakeQuantize", domain: OperatorDomain.lowBit,
        inputs: [name, scale, dataScale] + [layer.weights.bias].compactMap(\.self),
        outputs: [values, "\(name)\0slopes", "\(name)\0rounded"],
        attributes: bound.attributes(of: layer)))
    // The operator runs on the host, so that its shapes do not follow from its operands'.
    for output in [values, "\(name)\0slopes", "\(name)\0rounded"] {
      graph.valueInfo[output] = ValueInfo(
        name: output, elementType: .float32, shape: layer.shape.map { .fixed($0) })
    }
    graph.nodes[number].inputs[1] = values
  }

  /// Biases that fit beside the weights that have codes.
  mutating func boundBias(of place: Int, by bound: AccumulatorBound) {
    let layer = network.layers[place]
    let codes = state.weights[place]
    guard let bias = layer.weights.bias, let tensor = graph.initializers[bias],
      let number = graph.place(of: layer), !codes.quantizers.isEmpty,
      let dataScale = dataScale(of: layer)
    else { return }
    let name = layer.weights.name
    let scale = scale(
      LearnedScale.name(ofWeights: name),
      Tensor(
        codes.quantizers.map { $0?.scale ?? 1 },
        shape: layer.sharesQuantizer ? [] : [codes.quantizers.count]))
    let (bounded, result) = ("\(name)\0bounded bias", "\(name)\0own bias")
    for output in [bounded, result] {
      graph.valueInfo[output] = ValueInfo(
        name: output, elementType: .float32, shape: tensor.shape.map { .fixed($0) })
    }
    graph.nodes.append(
      Node(
        "BoundedBias", domain: OperatorDomain.lowBit,
        inputs: [graph.nodes[number].inputs[1], scale, dataScale, bias], outputs: [bounded],
        attributes: bound.attributes(of: layer)))
    // Weights without codes have no sums of codes.
    let isCoded = codes.isFrozen.map { $0 || network.settings.codesEveryStep }
    set("\(name)\0has codes", Tensor(isCoded))
    graph.nodes.append(
      Node("Where", inputs: ["\(name)\0has codes", bounded, bias], outputs: [result]))
    graph.nodes[number].inputs[2] = result
  }

  /// What holds the scale of a layer's data; `nil` where these are not quantized.
  private mutating func dataScale(of layer: QuantizedLayer) -> String? {
    guard let quantizer = state.plan.values[layer.node.inputs[0]]?.quantizer else { return nil }
    return scale(LearnedScale.name(ofGroup: layer.inputGroup), Tensor(scalar: quantizer.scale))
  }
}

extension AccumulatorBound {
  /// The bound as attributes of a node.
  fileprivate func attributes(of layer: QuantizedLayer) -> [String: Attribute] {
    [
      "levels": .int(layer.weights.levels), "axis": .int(layer.weights.channelAxis ?? 0),
      "bits": .int(bits), "low": .int(inputs.lowerBound), "high": .int(inputs.upperBound),
      "constraint": .string(constraint.rawValue),
    ]
  }
}

extension QuantizedNetwork {
  /// The graph with weights that are their bounded codes' values and with biases that fit beside them,
  /// as a step computes them.
  func bounded(_ graph: Graph, _ state: QuantizationState) throws -> Graph {
    guard settings.accumulator != nil else { return graph }
    var graph = graph
    for (place, layer) in layers.enumerated() {
      guard let bound = try bound(of: place, state.plan) else { continue }
      let own = state.weights[place]
      let bias = state.bias(of: layer, in: graph)
      var weights = graph.weights(of: layer).array(of: Float.self)
      var codes = own.codes
      let filterPlaces = FilterPlaces(layer)
      let moving = own.isFrozen.indices.filter { !own.isFrozen[$0] }
      if settings.codesEveryStep, let quantizers = own.allQuantizers {
        let found = boundedCodes(
          bound, of: moving, layer: layer, weights: weights, bias: bias, quantizers)
        for (place, code) in zip(filterPlaces.places(of: moving), found) {
          codes[place] = code
        }
        for filter in moving {
          let scale = quantizers[layer.sharesQuantizer ? 0 : filter].scale
          for place in filterPlaces.places(of: [filter]) {
            weights[place] = scale * Float(codes[place])
          }
        }
        graph.initializers[layer.weights.name] = Tensor(weights, shape: layer.shape)
      }
      guard let bias, let name = layer.weights.bias, let tensor = graph.initializers[name] else {
        continue
      }
      let biases = bias.values.enumerated().map { filter, value -> Float in
        guard own.isFrozen[filter] || settings.codesEveryStep,
          let quantizer = own.quantizers.isEmpty
            ? nil : own.quantizers[layer.sharesQuantizer ? 0 : filter]
        else { return value }
        return AccumulatorBound.bounded(
          value,
          to: bound.biases(
            beside: filterPlaces.places(of: [filter]).lazy.map { Int(codes[$0]) }),
          dataScale: bias.dataScale, weightScale: quantizer.scale)
      }
      graph.initializers[name] = Tensor(biases, shape: tensor.shape)
    }
    return graph
  }
}
