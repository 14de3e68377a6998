import Execution
import Graph
import PostTraining
import Quantization
import Tensors

/// A network as it computes with what is quantized by now: quantizers stand behind the values that
/// have one.
///
/// Settled weights are their codes' values: as parameters, or as codes times scales that are trained on.
struct FakeQuantizedGraph {
  /// The graph; numbers of quantizers are initializers.
  var graph: Graph
  /// The initializers that change while the nodes stay.
  private(set) var settings: Set<String> = []
  /// Values behind which nothing is to be differentiated.
  private(set) var barriers: Set<String> = []
  /// What holds the values and the scales of weights that are coded in every step, by the weights'
  /// name.
  var codedWeights: [String: (values: String, scale: String)] = [:]

  let network: QuantizedNetwork
  let state: QuantizationState

  /// - Parameters:
  ///   - current: The place of the layer that is being quantized.
  ///   - graph: The plan's graph, or that for batches, with the parameters to compute with.
  ///   - isBounded: Whether weights and biases of `graph` keep the accumulator already that the settings
  ///     name, so that nothing has to bound them.
  init(
    _ network: QuantizedNetwork, _ state: QuantizationState, current: Int?, graph: Graph,
    isBounded: Bool = false
  ) throws {
    self.network = network
    self.state = state
    self.graph = graph
    self.graph.opsets[OperatorDomain.lowBit] = 1
    for layer in network.layers.indices {
      let bound = isBounded ? nil : try network.bound(of: layer, state.plan)
      if network.settings.codesEveryStep { quantizeWeights(of: layer, by: bound) }
      if network.holdsCodes(of: layer, state) { holdCodes(of: layer) }
      if let bound { boundBias(of: layer, by: bound) }
    }
    let currentGroup = current.map { network.layers[$0].inputGroup }
    for place in network.activations.indices where state.coverage(of: place) != .none {
      let passes =
        switch network.settings.straightThrough {
        case .all: true
        case .previous: network.activations[place].group == currentGroup
        case .none: false
        }
      quantize(place, isBarrier: !passes)
    }
    self.graph.nodes = try self.graph.sortedNodes()
  }

  /// The name under which an activation is before its quantizer.
  static func rawName(
    _ activation: QuantizedActivation, _ coverage: QuantizationState.Coverage, in graph: Graph
  ) -> String {
    let isInput = graph.inputs.contains { $0.name == activation.value }
    return coverage == .none || isInput ? activation.value : "\(activation.value)\(rawSuffix)"
  }

  // No name of a model can hold a NUL.
  private static let rawSuffix = "\0raw"

  /// Fake quantization between weights and the node that reads them.
  private mutating func quantizeWeights(of place: Int, by bound: AccumulatorBound?) {
    let layer = network.layers[place]
    guard let quantizers = state.weights[place].allQuantizers else { return }
    if let bound { return quantizeWeights(of: place, quantizers, by: bound) }
    let name = layer.weights.name
    let shape = layer.sharesQuantizer ? [] : [quantizers.count]
    let scale = scale(
      LearnedScale.name(ofWeights: name), Tensor(quantizers.map(\.scale), shape: shape))
    codedWeights[name] = (values: "\(name)\0fake", scale: scale)
    graph.initializers["\(name)\0zero"] = Tensor(
      quantizers.map { Int32($0.zeroPoint) }, shape: shape)
    graph.nodes.append(
      Node(
        "FakeQuantize", domain: OperatorDomain.lowBit,
        inputs: [name, scale, "\(name)\0zero"], outputs: ["\(name)\0fake"],
        attributes: [
          "levels": .int(layer.weights.levels), "axis": .int(layer.weights.channelAxis ?? 0),
        ]))
    if let number = graph.place(of: layer) { graph.nodes[number].inputs[1] = "\(name)\0fake" }
  }

  /// Adds what counts how often codes of weights turn back, for weights that are coded in every step.
  ///
  /// - Returns: What a step renews for it.
  mutating func trackOscillations() throws -> [RunningStatistic] {
    func constant(_ name: String, _ values: [Int]) -> String {
      graph.initializers[name] = Tensor(values.map(Int64.init))
      return name
    }
    var parts: [String] = []
    var start: [Float] = []
    let settled = try network.bounded(graph, state)
    for (layer, codes) in zip(network.layers, state.weights) {
      let name = layer.weights.name
      guard let coded = codedWeights[name], let quantizers = codes.allQuantizers else { continue }
      let scales = spread(coded.scale, over: layer)
      graph.nodes += [
        Node("Div", inputs: [coded.values, scales], outputs: ["\(name)\0quotient"]),
        // The quotient of a multiple of the scale is off by a rounding.
        Node("Round", inputs: ["\(name)\0quotient"], outputs: ["\(name)\0codes"]),
        Node(
          "Reshape", inputs: ["\(name)\0codes", constant("\(name)\0line", [-1])],
          outputs: ["\(name)\0codes in line"]),
      ]
      parts.append("\(name)\0codes in line")
      let now = layer.weights.codes(of: settled.weights(of: layer), quantizers, improvements: [])
      start += now.array(of: Int8.self).map(Float.init)
    }
    let codes = "oscillation\0codes"
    graph.nodes.append(
      Node("Concat", inputs: parts, outputs: [codes], attributes: ["axis": .int(0)]))
    graph.trackOscillations(of: codes, from: Tensor(start))
    return OscillationTracking.statistics
  }

  /// Fake quantization behind the node that writes an activation, or before those that read an
  /// input of the graph.
  private mutating func quantize(_ place: Int, isBarrier: Bool) {
    let activation = network.activations[place]
    let name = activation.value
    guard let quantizer = state.plan.values[name]?.quantizer else {
      preconditionFailure("'\(name)' is quantized without a quantizer")
    }
    let coverage = state.coverage(of: place)
    let raw = Self.rawName(activation, coverage, in: graph)
    var result = name
    if raw == name {
      // Readers of an input read what stands behind its quantizer.
      result = "\(name)\0fake"
      for index in graph.nodes.indices {
        graph.nodes[index].inputs = graph.nodes[index].inputs.map { $0 == name ? result : $0 }
      }
    } else {
      for index in graph.nodes.indices {
        graph.nodes[index].outputs = graph.nodes[index].outputs.map { $0 == name ? raw : $0 }
      }
    }
    let scale = scale(
      LearnedScale.name(ofGroup: activation.group), Tensor(scalar: quantizer.scale))
    let zeroPoint = "\(activation.group)\0zero"
    set(zeroPoint, Tensor(scalar: Int32(quantizer.zeroPoint)))
    let whole = coverage == .all ? result : "\(name)\0fake"
    graph.nodes.append(
      Node(
        "FakeQuantize", domain: OperatorDomain.lowBit, inputs: [raw, scale, zeroPoint],
        outputs: [whole],
        attributes: ["levels": .int(quantizer.levels)]))
    if isBarrier { barriers.insert(whole) }
    guard coverage == .some, let axis = activation.channelAxis else { return }
    var shape = activation.shape.map { _ in 1 }
    shape[axis] = activation.channelCount
    set("\(name)\0active", Tensor(state.active[place], shape: shape))
    graph.nodes.append(
      Node("Where", inputs: ["\(name)\0active", whole, raw], outputs: [result]))
  }

  /// The scales of a layer's weights in a shape that the weights can be multiplied by.
  mutating func spread(_ scale: String, over layer: QuantizedLayer) -> String {
    let (shape, result) = ("\(layer.weights.name)\0spread", "\(layer.weights.name)\0scales")
    guard graph.initializers[shape] == nil else { return result }
    graph.initializers[shape] = Tensor(layer.shapeOfRows(-1).map(Int64.init))
    graph.nodes.append(Node("Reshape", inputs: [scale, shape], outputs: [result]))
    return result
  }

  /// A quantizer's scale, a setting or, behind a bound, a parameter; returns what holds it.
  mutating func scale(_ name: String, _ found: Tensor) -> String {
    guard network.settings.learnsScales else {
      set(name, found)
      return name
    }
    let current = "\(name)\0current"
    guard graph.initializers[name] == nil else { return current }
    graph.initializers[name] = Tensor(repeating: Float(1), shape: found.shape)
    set("\(name)\0found", found)
    let bounds = found.array(of: Float.self).map { $0 * LearnedScale.smallestShare }
    set("\(name)\0bound", Tensor(bounds, shape: found.shape))
    graph.nodes += [
      Node("Mul", inputs: [name, "\(name)\0found"], outputs: ["\(name)\0moved"]),
      Node("Max", inputs: ["\(name)\0moved", "\(name)\0bound"], outputs: [current]),
    ]
    return current
  }

  /// Leaves it to a node to give a setting its value.
  mutating func makeComputed(_ name: String) {
    graph.initializers[name] = nil
    settings.remove(name)
  }

  mutating func set(_ name: String, _ tensor: Tensor) {
    graph.initializers[name] = tensor
    settings.insert(name)
  }
}
