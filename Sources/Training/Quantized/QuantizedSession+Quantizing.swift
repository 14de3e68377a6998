import Graph
import Operations
import PostTraining
import Quantization
import Tensors

extension QuantizedSession {
  /// Settings of codes of weights: nothing is corrected that is trained.
  private var weightSettings: QuantizationSettings {
    var settings = network.settings.quantization
    settings.improvements.remove(.bias)
    // Where weights move on, codes are the nearest ones and no scale makes up for their errors.
    // Bounded codes are the nearest ones that keep the bound.
    if network.settings.codesEveryStep || network.settings.accumulator != nil {
      settings.improvements = []
    }
    return settings
  }

  /// The bias that weights' scales must suit; a normalization that is kept will change both.
  private func bias(
    of layer: QuantizedLayer, in graph: Graph
  ) -> (values: [Float], dataScale: Float)? {
    layer.normalization == nil ? state.bias(of: layer, in: graph) : nil
  }

  // MARK: Everything at once

  /// Gives all activations and all weights that have none their quantizers.
  mutating func quantizeEverything(
    in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws {
    let open = network.activations.indices.filter { state.coverage(of: $0) != .all }
    try activate(open, in: graph, calibration)
    if network.settings.followsMagnitudes {
      state = state.replacingActivations { RunningMagnitude.centred($1) }
    }
    for place in network.layers.indices where state.weights[place].quantizers.isEmpty {
      try giveQuantizers(to: place, in: graph)
    }
  }

  /// Gives a layer and the activations that it is the first to read their quantizers.
  mutating func quantize(
    layer place: Int, in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws {
    try activateInputs(of: place, in: graph, calibration)
    try giveQuantizers(to: place, in: graph)
  }

  /// Gives the weights of a layer, which move on, their quantizers.
  private mutating func giveQuantizers(to place: Int, in graph: Graph) throws {
    let layer = network.layers[place]
    let quantized = try layer.weights.quantize(
      graph.weights(of: layer), bias: bias(of: layer, in: graph), settings: weightSettings,
      on: backend)
    state.weights[place].quantizers = try bounded(quantized.quantizers, of: place, in: graph)
    state.remedies += quantized.remedies.map { "\(layer.node.label): \($0)" }
  }

  /// Quantizes the activations that a layer is the first to read.
  private mutating func activateInputs(
    of layer: Int, in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws {
    let due = network.activations.indices.filter {
      network.activations[$0].firstReader == layer && state.coverage(of: $0) != .all
    }
    try activate(due, in: graph, calibration)
  }

  // MARK: Portions

  /// Quantizes a portion: before its layer's first all that the layer reads, then the weights, and
  /// in the schedule of neurons what these now give.
  mutating func quantize(
    _ portion: Portion, in graph: inout Graph, _ calibration: [[String: Tensor]]
  ) throws {
    let layer = network.layers[portion.layer]
    let filters = try filters(of: portion)
    if portion.isFirst { try activateInputs(of: portion.layer, in: graph, calibration) }
    var weights = graph.weights(of: layer).array(of: Float.self)
    let isKnown = state.weights[portion.layer].hasQuantizers(of: filters, layer)
    state.remedies += try state.weights[portion.layer].freeze(
      filters, of: layer, weights: &weights, bias: bias(of: layer, in: graph),
      rounding: try rounding(of: portion.layer, in: graph, calibration),
      settings: weightSettings, on: backend)
    try bound(filters, of: portion.layer, isKnown: isKnown, &weights, in: graph)
    graph.initializers[layer.weights.name] = Tensor(weights, shape: layer.shape)
    if network.settings.schedule.quantizesOutputs {
      try activateChannels(of: portion.layer, in: graph, calibration)
    }
  }

  /// How the weights of a layer make up for one another's errors, where they do.
  private func rounding(
    of place: Int, in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws -> [CompensatedRounding]? {
    guard network.settings.compensates,
      let observer = try PatchObserver(network, state, layer: place, graph: graph)
    else { return nil }
    return try observer.grams(of: calibration, on: backend).map {
      CompensatedRounding(gram: $0, count: observer.length)
    }
  }

  /// Quantizes whole activations from histograms of what the network gives now.
  private mutating func activate(
    _ places: [Int], in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws {
    guard !places.isEmpty else { return }
    var next = state.active
    for place in places { next[place] = next[place].map { _ in true } }
    try assign(next, groupsOf: places, in: graph, calibration)
  }

  /// Quantizes the channels of which all filters that make them have their codes.
  ///
  /// A tensor has one scale and one zero point, whatever channels are quantized: they are found anew
  /// from all quantized channels whenever more of them come.
  private mutating func activateChannels(
    of layer: Int, in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws {
    var next = state.active
    var grown: [Int] = []
    for (place, activation) in network.activations.enumerated()
    where activation.makers.contains(layer) {
      for channel in next[place].indices where !next[place][channel] {
        next[place][channel] = activation.makers.allSatisfy {
          state.weights[$0].isFrozen[channel % network.layers[$0].filterCount]
        }
      }
      if next[place] != state.active[place] { grown.append(place) }
    }
    guard !grown.isEmpty else { return }
    try assign(next, groupsOf: grown, in: graph, calibration)
  }

  /// Gives the groups of some activations the quantizer of the least error on all of their channels
  /// that are to be quantized, and quantizes these.
  private mutating func assign(
    _ next: [[Bool]], groupsOf places: [Int], in graph: Graph, _ calibration: [[String: Tensor]]
  ) throws {
    let groups = Set(places.map { network.activations[$0].group })
    let observed = network.activations.indices.filter {
      groups.contains(network.activations[$0].group) && next[$0].contains(true)
    }
    let observer = try ActivationObserver(
      network, state, channels: Dictionary(uniqueKeysWithValues: observed.map { ($0, next[$0]) }),
      graph: graph)
    let histograms = try observer.histograms(of: calibration, on: backend)
    // A group of which only some members are quantized has the quantizer of these.
    var plan = state.plan
    for (name, value) in plan.values where groups.contains(value.group) {
      plan.values[name]?.rangeSources = value.rangeSources.filter { histograms[$0] != nil }
    }
    try plan.assign(histograms, settings: network.settings.quantization, to: groups, on: backend)
    for name in plan.values.keys {
      state.plan.values[name]?.quantizer = plan.values[name]?.quantizer
    }
    state.plan.warnings = plan.warnings
    state.active = next
  }

  // MARK: What stands still

  /// Parameters whose gradient nobody needs.
  ///
  /// Where weights are coded in every step, those that settle are left to the mask: the step is the same
  /// graph in all stages in which something settles.
  var stillParameters: Set<String> {
    var names = Set(network.learnedScales.filter { !isInUse($0) }.map(\.name))
    guard !network.settings.codesEveryStep else { return names }
    for (layer, codes) in zip(network.layers, state.weights) where codes.isComplete {
      names.insert(layer.weights.name)
      if network.settings.freezing == .everything { names.formUnion(layer.companions) }
    }
    return names
  }

  /// Whether something is quantized with a scale.
  private func isInUse(_ learned: LearnedScale) -> Bool {
    switch learned.owner {
    case .weights: state.scale(of: learned) != nil
    case .activations(let group):
      network.activations.indices.contains {
        network.activations[$0].group == group && state.coverage(of: $0) != .none
      }
    }
  }

  /// Whether a row of scales moves.
  ///
  /// That of weights does while all of its codes are made in every step, or in whole behind settled ones
  /// where these are trained on.
  private func isTrained(_ learned: LearnedScale, row: Int) -> Bool {
    guard isInUse(learned) else { return false }
    guard case .weights(let place) = learned.owner else { return true }
    let codes = state.weights[place]
    guard codes.quantizers[row] != nil else { return false }
    let isSettled =
      network.layers[place].sharesQuantizer ? codes.isFrozen.contains(true) : codes.isFrozen[row]
    return isSettled
      ? network.settings.trainsScalesOfSettledWeights : network.settings.codesEveryStep
  }

  /// Which elements of the parameters' vector may move.
  var trainableMask: Tensor {
    var mask = [Bool](repeating: true, count: network.parameters.count)
    let parts = Dictionary(uniqueKeysWithValues: network.parameters.parts.map { ($0.name, $0) })
    for (layer, codes) in zip(network.layers, state.weights) {
      guard let part = parts[layer.weights.name] else { continue }
      let frozen = codes.isFrozen.indices.filter { codes.isFrozen[$0] }
      for place in FilterPlaces(layer).places(of: frozen) { mask[part.start + place] = false }
      guard network.settings.freezing == .everything else { continue }
      for part in layer.companions.compactMap({ parts[$0] }) {
        for channel in 0..<(part.end - part.start)
        where codes.isFrozen[channel % layer.filterCount] {
          mask[part.start + channel] = false
        }
      }
    }
    for learned in network.learnedScales {
      guard let part = parts[learned.name] else { continue }
      for row in 0..<part.end - part.start where !isTrained(learned, row: row) {
        mask[part.start + row] = false
      }
    }
    return Tensor(mask)
  }

  /// Checks that the weights with codes among the parameters have stayed where they were.
  func checkSettledWeights(in tensors: [String: Tensor]) throws {
    for (layer, codes) in zip(network.layers, state.weights) where codes.isFrozen.contains(true) {
      guard let weights = tensors[layer.weights.name] else { continue }
      try codes.check(weights.array(of: Float.self), of: layer)
    }
  }
}

extension QuantizationState {
  /// The bias of a layer and the scale of its data, where the written model has an int32 bias.
  func bias(of layer: QuantizedLayer, in graph: Graph) -> (values: [Float], dataScale: Float)? {
    guard let name = layer.weights.bias, let values = graph.initializers[name],
      layer.weights.groupSize == nil,
      let scale = plan.values[layer.node.inputs[0]]?.quantizer?.scale
    else { return nil }
    return (values.array(of: Float.self), scale)
  }
}

extension Graph {
  /// The graph with `tensors` in place of the initializers that it has under their names.
  func replacingInitializers(_ tensors: [String: Tensor]) -> Graph {
    var graph = self
    for (name, tensor) in tensors where initializers[name] != nil {
      graph.initializers[name] = tensor
    }
    return graph
  }

  /// The weights of a layer.
  func weights(of layer: QuantizedLayer) -> Tensor {
    guard let weights = initializers[layer.weights.name] else {
      preconditionFailure("'\(layer.weights.name)' is not there")
    }
    return weights
  }
}
