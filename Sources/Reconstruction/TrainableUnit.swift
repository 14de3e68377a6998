import Execution
import Glibc
import Graph
import PostTraining
import Quantization
import Tensors
import Training

/// A unit as the graph of a step: with rounding that is learned and, for blocks, with scales and biases
/// that move and quantizers of activations that are left out at random.
///
/// A factor of a scale is `1 + share * p`, a bias `b + share * unit * p` with a parameter `p` that begins at
/// 0, so that one learning rate suits all.
struct TrainableUnit {
  /// A quantizer of activations that is left out at random.
  struct Dropped: Sendable {
    let value: String
    let shape: [Int]
  }

  private(set) var unit: UnitGraph
  let scope: TrainingScope
  let roundings: [Int: SoftRounding]
  /// The groups of activations whose scales move.
  let groups: [String]
  /// Layers whose rows of weights have scales that move.
  let scaled: Set<Int>
  /// Layers whose biases move, each with what it moves by.
  let units: [Int: [Float]]
  let dropped: [Dropped]
  /// Weights that are rounded.
  let weightCount: Int

  private static let exponent = "unit\0exponent"
  private static let pull = "unit\0pull"
  private static let penalty = "unit\0penalty"

  /// A factor stays above this part of what it begins with.
  static let smallestFactor: Float = 1 / 16

  /// - Parameters:
  ///   - factors: What each output is multiplied by.
  ///   - settled: Groups of activations whose scales stay: units before have learned them.
  init(
    _ unit: UnitGraph, in network: ReconstructedNetwork, factors: [Float], settled: Set<String>,
    settings: ReconstructionSettings, movesScales: Bool
  ) {
    var unit = unit
    let isBlock = settings.scope == .blocks
    var names: [String] = []
    var roundings: [Int: SoftRounding] = [:]
    var sums: [String] = []
    _ = unit.constant(Self.exponent, Tensor(scalar: Float(2)))
    _ = unit.constant(Self.pull, Tensor(scalar: Float(0)))
    for layer in unit.unit.layers {
      guard let quantized = network.weights[layer],
        let weights = network.float.initializers[ReconstructedNetwork.weights(of: layer)]
      else { preconditionFailure("layer \(layer) is not quantized") }
      let name = ReconstructedNetwork.weights(of: layer)
      roundings[layer] = SoftRounding(weights, quantized)
      sums.append(
        unit.soften(
          name, roundings[layer]!, scales: quantized.scales, exponent: Self.exponent))
      names.append("\(name)\0rounding")
    }
    var (scaled, units): (Set<Int>, [Int: [Float]]) = ([], [:])
    var (groups, dropped): ([String], [Dropped]) = ([], [])
    if isBlock {
      for layer in unit.unit.layers {
        if movesScales, let name = unit.moveRows(of: layer, network, settings.share) {
          scaled.insert(layer)
          names.append(name)
        }
        if let (name, own) = unit.moveBias(of: layer, network, settings.share) {
          units[layer] = own
          names.append(name)
        }
      }
      if movesScales {
        groups = unit.groups(of: network).filter { !settled.contains($0) }
        names += groups.map { unit.moveScale(of: $0, settings.share) }
      }
      dropped = unit.dropQuantizers(network)
    }
    weightCount = roundings.values.reduce(0) { $0 + $1.base.count }
    unit.addPull(sums, count: weightCount, weight: Self.pull, to: Self.penalty)
    unit.joinOutputs(by: factors)
    let parameters = TrainedParameters(of: unit.graph, named: names)
    scope = TrainingScope(
      parameters: parameters, settings: [Self.exponent, Self.pull], penalty: Self.penalty)
    (self.unit, self.roundings, self.groups) = (unit, roundings, groups)
    (self.scaled, self.units, self.dropped) = (scaled, units, dropped)
  }

  /// The settings of a step.
  static func settings(_ pull: (weight: Float, exponent: Float)) -> [String: Tensor] {
    [Self.exponent: Tensor(scalar: pull.exponent), Self.pull: Tensor(scalar: pull.weight)]
  }

  /// What training has made of a unit's part of a network.
  ///
  /// - Parameter keepsCodes: Whether codes of weights stay, and scales and biases alone change.
  func adopt(
    _ tensors: [String: Tensor], in network: inout ReconstructedNetwork, share: Float,
    keepsCodes: Bool = false
  ) {
    func values(_ name: String) -> [Float] { tensors[name]?.array(of: Float.self) ?? [] }
    func moved(_ scale: Float, _ parameter: Float) -> Float {
      let limits = Quantizer.scaleRange
      let value = max(1 + share * parameter, Self.smallestFactor) * scale
      return min(max(value, limits.lowerBound), limits.upperBound)
    }
    for (layer, rounding) in roundings {
      guard let old = network.weights[layer] else { continue }
      let name = ReconstructedNetwork.weights(of: layer)
      let rows = scaled.contains(layer) ? values("\(name)\0factor") : []
      let quantizers = old.quantizers.enumerated().map { row, quantizer in
        guard !rows.isEmpty else { return quantizer }
        return Quantizer(
          scale: moved(quantizer.scale, rows[row]), zeroPoint: quantizer.zeroPoint,
          levels: quantizer.levels)
      }
      let codes =
        keepsCodes
        ? old.codes
        : Tensor(
          rounding.codes(values("\(name)\0rounding")), shape: rounding.shape,
          as: old.codes.elementType)
      let float = network.float.initializers[name]
      network.weights[layer] = old.replacing(codes, quantizers, float: float)
      if let own = units[layer] {
        let start = network.biases[layer] ?? own.map { _ in 0 }
        let moves = values("\(ReconstructedNetwork.bias(of: layer))\0move")
        network.biases[layer] = start.indices.map {
          start[$0] + share * own[$0] * moves[$0]
        }
      }
    }
    for group in groups {
      let parameter = values("\(ReconstructedNetwork.scale(of: group))\0factor")
      for (name, value) in network.plan.values where value.group == group {
        network.plan.values[name]?.quantizer = value.quantizer.map {
          Quantizer(
            scale: moved($0.scale, parameter[0]), zeroPoint: $0.zeroPoint, levels: $0.levels)
        }
      }
    }
  }
}

extension UnitGraph {
  /// Adds `weight * (1 - mean of the sums' terms)`.
  fileprivate mutating func addPull(
    _ sums: [String], count: Int, weight: String, to name: String
  ) {
    var total = sums[0]
    for (number, sum) in sums.enumerated().dropFirst() {
      total = add("Add", [total, sum], to: "\(name)\0\(number)")
    }
    let all = constant("\(name)\0count", Tensor(scalar: Float(count)))
    let one = constant("\(name)\0one", Tensor(scalar: Float(1)))
    let mean = add("Div", [total, all], to: "\(name)\0mean")
    let rest = add("Sub", [one, mean], to: "\(name)\0rest")
    _ = add("Mul", [rest, weight], to: name)
  }

  /// `max(1 + share * p, smallest) * value` in the place of `value`; returns the name of `p`.
  private mutating func multiply(
    _ name: String, by shape: [Int], _ share: Float, isInitializer: Bool
  ) -> String {
    func own(_ part: String) -> String { "\(name)\0\(part)" }
    let parameter = constant(own("factor"), Tensor(repeating: Float(0), shape: shape))
    let part = constant(own("share"), Tensor(scalar: share))
    let one = constant(own("unity"), Tensor(scalar: Float(1)))
    let least = constant(own("least"), Tensor(scalar: TrainableUnit.smallestFactor))
    var factor = add("Mul", [parameter, part], to: own("step"))
    factor = add("Add", [factor, one], to: own("whole"))
    factor = add("Max", [factor, least], to: own("kept"))
    let found = own("found")
    if isInitializer {
      graph.initializers[found] = graph.initializers.removeValue(forKey: name)
    } else {
      for index in graph.nodes.indices {
        graph.nodes[index].outputs = graph.nodes[index].outputs.map { $0 == name ? found : $0 }
      }
    }
    _ = add("Mul", [found, factor], to: name)
    return parameter
  }

  /// Makes the scales of a layer's filters move; `nil` where filters have none of their own.
  fileprivate mutating func moveRows(
    of layer: Int, _ network: ReconstructedNetwork, _ share: Float
  ) -> String? {
    guard let weights = network.weights[layer], weights.groupSize == nil else { return nil }
    var shape = weights.codes.shape.map { _ in 1 }
    if let axis = weights.axis { shape[axis] = weights.quantizers.count }
    return multiply(
      ReconstructedNetwork.weights(of: layer), by: shape, share, isInitializer: false)
  }

  /// Makes the scale of a group of activations move.
  fileprivate mutating func moveScale(of group: String, _ share: Float) -> String {
    multiply(ReconstructedNetwork.scale(of: group), by: [], share, isInitializer: true)
  }

  /// The groups of activations with a quantizer here.
  fileprivate func groups(of network: ReconstructedNetwork) -> [String] {
    let scales = Set(graph.nodes.filter { $0.operatorType == "FakeQuantize" }.map { $0.inputs[1] })
    return Set(network.plan.values.values.map(\.group)).sorted().filter {
      scales.contains(ReconstructedNetwork.scale(of: $0))
    }
  }

  /// Makes the bias of a layer move by parts of the typical magnitude of its results: the norm of a
  /// filter's weights times a quarter of the range of the data.
  ///
  /// - Returns: The name of the parameter, and for each channel that magnitude.
  fileprivate mutating func moveBias(
    of layer: Int, _ network: ReconstructedNetwork, _ share: Float
  ) -> (String, [Float])? {
    let name = ReconstructedNetwork.bias(of: layer)
    guard let bias = graph.initializers[name], let weights = network.weights[layer],
      let data = network.data(of: layer)
    else { return nil }
    let norms = weights.norms(channels: bias.count)
    let range = data.scale * Float(data.levels) / 4
    let units = norms.map { $0 * range }
    let parameter = constant("\(name)\0move", Tensor(repeating: Float(0), shape: bias.shape))
    let scaled = constant("\(name)\0units", Tensor(units.map { share * $0 }, shape: bias.shape))
    let step = add("Mul", [parameter, scaled], to: "\(name)\0step")
    graph.initializers[name] = nil
    let found = constant("\(name)\0found", bias)
    _ = add("Add", [found, step], to: name)
    return (parameter, units)
  }

  /// Leaves quantizers of activations with fewer levels than a byte has out, number by number, where an
  /// input says so.
  fileprivate mutating func dropQuantizers(
    _ network: ReconstructedNetwork
  ) -> [TrainableUnit.Dropped] {
    var dropped: [TrainableUnit.Dropped] = []
    for number in graph.nodes.indices
    where graph.nodes[number].operatorType == "FakeQuantize"
      && graph.nodes[number].integerLevels < 256
    {
      let node = graph.nodes[number]
      let (raw, result) = (node.inputs[0], node.outputs[0])
      guard let shape = network.shape(ofRaw: raw), shape.first?.isMultiple(of: batch) == true else {
        continue
      }
      let (mask, coded) = ("\(result)\0kept", "\(result)\0coded")
      graph.nodes[number].outputs[0] = coded
      addInput(mask, shape, .bool)
      _ = add("Where", [mask, coded, raw], to: result)
      dropped.append(.init(value: mask, shape: shape))
    }
    return dropped
  }
}

extension Node {
  fileprivate var integerLevels: Int {
    if case .int(let levels)? = attributes["levels"] { levels } else { 0 }
  }
}

extension ReconstructedNetwork {
  /// The shape of a value before its quantizer.
  fileprivate func shape(ofRaw name: String) -> [Int]? {
    let value = name.hasSuffix("\0raw") ? String(name.dropLast(4)) : name
    return shapes[value]?.shape
  }
}

extension QuantizedWeights {
  /// The norm of the weights that make each of `channels` results; channels are dealt to quantizers in turn.
  fileprivate func norms(channels: Int) -> [Float] {
    let rows = WeightRows(values, axis: axis ?? 0)
    let values = rows.values.array(of: Float.self)
    let norms = (0..<rows.count).map { row in
      Float(
        values[rows.range(row)].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
    }
    return (0..<channels).map { norms[$0 % norms.count] }
  }

  /// The same weights with other codes and quantizers.
  fileprivate func replacing(
    _ codes: Tensor, _ quantizers: [Quantizer], float: Tensor?
  ) -> QuantizedWeights {
    let next = QuantizedWeights(
      codes: codes, quantizers: quantizers, axis: axis, groupSize: groupSize)
    var (power, noise) = (0.0, 0.0)
    for (weight, value) in zip(
      float?.array(of: Float.self) ?? [], next.values.array(of: Float.self))
    {
      power += Double(weight) * Double(weight)
      noise += Double(weight - value) * Double(weight - value)
    }
    return QuantizedWeights(
      codes: codes, quantizers: quantizers, axis: axis, groupSize: groupSize,
      signalToNoise: noise == 0 ? .infinity : 10 * log10(power / noise),
      isChosenByOutputs: isChosenByOutputs, remedies: remedies)
  }
}
