import Calibration
import Execution
import Graph
import PostTraining
import Quantization
import Tensors
import Training

/// A network in float and as it is quantized by now, for batches of one size.
struct ReconstructedNetwork {
  /// The plan with the quantizers of activations of now.
  var plan: QuantizationPlan
  /// Codes of weights by place of the layer.
  var weights: [Int: QuantizedWeights]
  /// Biases, which the written model rounds.
  var biases: [Int: [Float]]

  /// The plan's graph for batches; every layer has weights and a bias of its own.
  let float: Graph
  /// Samples of a batch.
  let batch: Int
  /// Types and shapes of ``float``.
  let shapes: [String: GraphAnalysis.ValueShape]
  /// The shapes for a single sample.
  let shapesOfOne: [String: GraphAnalysis.ValueShape]
  private let constants: [String: QuantizedConstant]
  let isPowerOfTwo: Bool
  /// Values with a quantizer of their own.
  private let sources: Set<String>

  /// - Parameters:
  ///   - model: The model to begin with.
  ///   - batch: Samples of a batch; 1 where the network cannot be freed of a batch of its own.
  ///   - sample: A sample, whose shapes are those of all.
  init(_ model: QuantizedModel, batch: Int, sample: [String: Tensor]) throws {
    plan = model.plan
    weights = model.weights
    biases = model.biases
    constants = model.constants
    isPowerOfTwo = model.settings.scales == .powerOfTwo
    var graph = plan.graph
    for place in graph.inputs.indices {
      guard let shape = sample[graph.inputs[place].name]?.shape else { continue }
      graph.inputs[place].shape = shape.map { .fixed($0) }
    }
    graph.giveLayersTheirOwn(plan.weights)
    let one = try graph.closed(batch: 1)
    shapesOfOne = try GraphAnalysis(of: one).shapes
    do {
      float = try graph.closed(batch: batch).withoutDeadNodes()
      self.batch = batch
    } catch is GraphError {
      float = try one.withoutDeadNodes()
      self.batch = 1
    }
    shapes = try GraphAnalysis(of: float).shapes
    let values = Set(float.nodes.flatMap(\.outputs)).union(float.inputs.map(\.name))
    sources = Set(plan.values.values.flatMap(\.rangeSources)).intersection(values)
  }

  /// Names of what belongs to a layer; no name of a model can hold a NUL.
  static func weights(of layer: Int) -> String { "\(layer)\0weights" }
  static func bias(of layer: Int) -> String { "\(layer)\0bias" }
  static func scale(of group: String) -> String { "\(group)\0scale" }

  /// The layers by the names of their weights.
  var layers: [String: Int] {
    Dictionary(uniqueKeysWithValues: plan.weights.keys.map { (Self.weights(of: $0), $0) })
  }

  /// Cuts the network into what is trained at a time, in the order of computation.
  func units(_ scope: ReconstructionSettings.Scope) -> [ReconstructionUnit] {
    let cutter = UnitCutter(
      index: GraphIndex(float), layers: layers, isQuantized: { plan.values[$0] != nil })
    return scope == .layers ? cutter.singleLayers() : cutter.blocks()
  }

  /// How the user knows a layer.
  func label(_ layer: Int) -> String { plan.graph.nodes[layer].label }

  /// The name of a value in ``quantized()`` before its quantizer.
  func raw(_ value: String) -> String {
    guard sources.contains(value), !isInput(value) else { return value }
    return "\(value)\0raw"
  }

  private func isInput(_ value: String) -> Bool { float.inputs.contains { $0.name == value } }

  /// The quantizer of a layer's data.
  func data(of layer: Int) -> Quantizer? {
    plan.values[plan.graph.nodes[layer].inputs[0]]?.quantizer
  }

  /// The network as it is quantized by now: weights are what their codes stand for, and fake quantizers
  /// stand behind values. It computes what the written model does.
  func quantized() throws -> Graph {
    var graph = float
    graph.opsets[OperatorDomain.lowBit] = 1
    for (name, constant) in constants { graph.initializers[name] = constant.values }
    for (layer, weights) in weights {
      let name = Self.weights(of: layer)
      graph.initializers[name] = weights.values
      if let bias = writtenBias(of: layer) {
        let name = Self.bias(of: layer)
        let shape = graph.initializers[name]?.shape ?? [bias.count]
        graph.initializers[name] = Tensor(bias, shape: shape)
      }
    }
    for value in sources.sorted() { graph.addQuantizer(of: value, plan, isInput: isInput(value)) }
    graph.nodes = try graph.sortedNodes()
    return graph
  }

  /// What the bias of the written model stands for; `nil` without one.
  func writtenBias(of layer: Int) -> [Float]? {
    guard let values = biases[layer] else { return nil }
    guard let data = data(of: layer), let weights = weights[layer], weights.groupSize == nil else {
      return values
    }
    let quantizers = weights.quantizers
    return check(values, data).codes(quantizers).enumerated().map { channel, code in
      Float(code) * (data.scale * quantizers[channel % quantizers.count].scale)
    }
  }

  /// Raises scales of weights where the written model's int32 could not hold a bias: those of filters
  /// whose weights hardly matter beside it.
  mutating func fitBias(of layer: Int) {
    guard let values = biases[layer], let data = data(of: layer), let own = weights[layer],
      own.groupSize == nil
    else { return }
    var quantizers = own.quantizers
    let raised = check(values, data).widen(&quantizers)
    guard quantizers != own.quantizers else { return }
    weights[layer] = QuantizedWeights(
      codes: own.codes(by: quantizers), quantizers: quantizers, axis: own.axis,
      groupSize: own.groupSize,
      signalToNoise: own.signalToNoise, isChosenByOutputs: own.isChosenByOutputs,
      remedies: own.remedies + raised)
  }

  private func check(_ values: [Float], _ data: Quantizer) -> BiasCheck {
    BiasCheck(values: values, dataScale: data.scale, isPowerOfTwo: isPowerOfTwo)
  }
}

extension QuantizedWeights {
  /// The scale of every weight, in the weights' shape.
  var scales: Tensor {
    let shape = codes.shape
    let rows = WeightRows(
      Tensor(repeating: Float(0), shape: shape), axis: axis, groupSize: groupSize)
    return Tensor(shape: shape) { (elements: UnsafeMutableBufferPointer<Float>) in
      for row in 0..<rows.count {
        for position in rows.range(row) {
          elements[rows.places?[position] ?? position] = quantizers[row].scale
        }
      }
    }
  }

  /// What the codes stand for.
  var values: Tensor {
    let scales = scales.array(of: Float.self)
    return Tensor(
      codes.array(of: Int8.self).enumerated().map { scales[$0] * Float($1) }, shape: codes.shape)
  }
}

extension Graph {
  /// Gives every layer weights and a bias under names of its own; one that can have a bias and has none
  /// gets zeros.
  fileprivate mutating func giveLayersTheirOwn(_ layers: [Int: WeightPlan]) {
    for (number, weights) in layers.sorted(by: { $0.key < $1.key }) {
      let name = ReconstructedNetwork.weights(of: number)
      initializers[name] = initializers[weights.name]
      nodes[number].inputs[1] = name
      let bias = ReconstructedNetwork.bias(of: number)
      if let own = weights.bias {
        initializers[bias] = initializers[own]
        nodes[number].inputs[2] = bias
      } else if ["Conv", "Gemm"].contains(nodes[number].operatorType) {
        initializers[bias] = Tensor(repeating: Float(0), shape: [weights.outputChannels])
        nodes[number].inputs = Array(nodes[number].inputs.prefix(2)) + [bias]
      }
    }
  }

  fileprivate func withoutDeadNodes() throws -> Graph {
    var graph = self
    graph.nodes = try graph.sortedNodes()
    graph.removeDeadNodes()
    return graph
  }

  /// Puts a fake quantizer behind the node that writes a value, or before those that read an input.
  fileprivate mutating func addQuantizer(
    of value: String, _ plan: QuantizationPlan, isInput: Bool
  ) {
    guard let own = plan.values[value], let quantizer = own.quantizer else { return }
    let raw = isInput ? value : "\(value)\0raw"
    let result = isInput ? "\(value)\0fake" : value
    for index in nodes.indices {
      if isInput {
        nodes[index].inputs = nodes[index].inputs.map { $0 == value ? result : $0 }
      } else {
        nodes[index].outputs = nodes[index].outputs.map { $0 == value ? raw : $0 }
      }
    }
    let scale = ReconstructedNetwork.scale(of: own.group)
    initializers[scale] = Tensor(scalar: quantizer.scale)
    initializers["\(own.group)\0zero"] = Tensor(scalar: Int32(quantizer.zeroPoint))
    nodes.append(
      Node(
        "FakeQuantize", domain: OperatorDomain.lowBit, inputs: [raw, scale, "\(own.group)\0zero"],
        outputs: [result], attributes: ["levels": .int(quantizer.levels)]))
  }
}

extension QuantizedWeights {
  /// The codes of the weights that `codes` stand for by other scales, one a channel or one for all.
  fileprivate func codes(by others: [Quantizer]) -> Tensor {
    let inner = axis.map { codes.shape[($0 + 1)...].reduce(1, *) } ?? 1
    let moved = codes.array(of: Int8.self).enumerated().map { index, code in
      let row = index / inner % others.count
      let (old, new) = (quantizers[row], others[row])
      guard old != new else { return code }
      return Int8(new.code(of: old.scale * Float(code)) - new.zeroPoint)
    }
    return Tensor(moved, shape: codes.shape, as: Self.storage(levels: others[0].levels))
  }
}
