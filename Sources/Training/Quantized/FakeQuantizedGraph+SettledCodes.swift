import Graph
import PostTraining
import Quantization
import Tensors

// Scales that are trained on when the codes they give values to are settled: the step multiplies the
// codes by the scale of now, and the scale's derivative is the sum of codes times derivatives of values.

extension QuantizedTrainingSettings {
  /// Whether scales of weights are trained when their codes are settled.
  var trainsScalesOfSettledWeights: Bool {
    learnsScales && freezing == .weights && schedule != .direct
  }
}

extension QuantizedNetwork {
  /// Whether the step multiplies the settled codes of a layer by their scales. Where weights are coded
  /// in every step it always does, so that it is one graph in all stages.
  func holdsCodes(of place: Int, _ state: QuantizationState) -> Bool {
    // Codes that were bounded for the bias of then are not found anew.
    (settings.trainsScalesOfSettledWeights
      || settings.accumulator != nil && settings.schedule != .direct)
      && layers[place].weights.groupSize == nil
      && (settings.codesEveryStep || state.weights[place].isFrozen.contains(true))
  }
}

extension FakeQuantizedGraph {
  /// Codes times scales in place of the settled weights of a layer.
  mutating func holdCodes(of place: Int) {
    let layer = network.layers[place]
    let codes = state.weights[place]
    guard !codes.quantizers.isEmpty, let number = graph.place(of: layer) else { return }
    let name = layer.weights.name
    // A row without a quantizer has no codes.
    let scales = codes.quantizers.map { $0?.scale ?? 1 }
    let scale = scale(
      LearnedScale.name(ofWeights: name),
      Tensor(scales, shape: layer.sharesQuantizer ? [] : [scales.count]))
    let spread = spread(scale, over: layer)
    set("\(name)\0codes held", Tensor(codes.codes.map(Float.init), shape: layer.shape))
    set(
      "\(name)\0is held", Tensor(codes.isFrozen, shape: layer.shapeOfFilters(codes.isFrozen.count)))
    let others = graph.nodes[number].inputs[1]
    graph.nodes += [
      Node("Mul", inputs: ["\(name)\0codes held", spread], outputs: ["\(name)\0values held"]),
      Node(
        "Where", inputs: ["\(name)\0is held", "\(name)\0values held", others],
        outputs: ["\(name)\0held"]),
    ]
    graph.nodes[number].inputs[1] = "\(name)\0held"
    codedWeights[name]?.values = "\(name)\0held"
  }
}

extension QuantizationState {
  /// Gives settled weights among `tensors` the values that their codes have by the scales of now.
  func giveSettledValues(to tensors: inout [String: Tensor], _ network: QuantizedNetwork) {
    for (layer, codes) in zip(network.layers, weights) where codes.isFrozen.contains(true) {
      guard let old = tensors[layer.weights.name] else { continue }
      let filters = codes.isFrozen.indices.filter { codes.isFrozen[$0] }
      var values = old.array(of: Float.self)
      let places = FilterPlaces(layer).places(of: filters)
      for (place, value) in zip(places, codes.values(of: filters, of: layer)) {
        values[place] = value
      }
      tensors[layer.weights.name] = Tensor(values, shape: layer.shape)
    }
  }
}
