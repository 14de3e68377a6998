public import Graph
import PostTraining
import Quantization
import Tensors

/// Accumulators of a width that a network is trained for.
public struct AccumulatorTraining: Sendable, Hashable {
  /// The width in bits, the sign included: 8 to 32.
  public var bits: Int
  /// How codes of weights are kept within it.
  public var constraint: AccumulatorConstraint

  /// Makes settings.
  public init(bits: Int, constraint: AccumulatorConstraint = .a2q) {
    self.bits = bits
    self.constraint = constraint
  }
}

/// What keeps the accumulators of a layer of a training session within a width.
public struct LayerBound: Sendable, Hashable {
  /// The layer's node.
  public let layer: String
  /// The bound.
  public let bound: AccumulatorBound

  /// `codes of the input 0...15: codes of a filter's weights sum up to 136 beside a bias of 0`
  public var summary: String {
    let codes = "codes of the input \(bound.inputs.lowerBound)...\(bound.inputs.upperBound)"
    return switch bound.budget(bias: 0) {
    case .total(let total):
      "\(codes): magnitudes of a filter's codes sum up to at most \(total) beside a bias of 0"
    case .signs(let positive, let negative):
      "\(codes): a filter's positive codes sum up to at most \(positive), its negative ones to at least "
        + "\(-negative), beside a bias of 0"
    }
  }
}

extension QuantizedTrainingSettings {
  /// Checks that what an accumulator asks for goes with the rest.
  func validateAccumulator() throws(SettingsError) {
    guard let accumulator else { return }
    func refuse(_ what: String) -> SettingsError {
      SettingsError("training for accumulators of \(accumulator.bits) bits: \(what)")
    }
    guard AccumulatorWidth.range.contains(accumulator.bits) else {
      throw refuse(
        "\(AccumulatorWidth.range.lowerBound) to \(AccumulatorWidth.range.upperBound) are possible")
    }
    guard normalization == .fold else {
      throw refuse(
        "a normalization that is kept changes a bias behind the sums' back; normalization 'fold' has none"
      )
    }
    guard !compensates else {
      throw refuse("weights that make up for one another's errors keep no sum of codes")
    }
    if case .group = quantization.granularity {
      throw refuse("scales of groups within a filter have no sum of codes for the whole filter")
    }
  }
}

extension QuantizedNetwork {
  /// Refuses layers whose filters cannot be bounded one by one.
  static func refuseUnbounded(
    _ layers: [QuantizedLayer], in graph: Graph, _ settings: QuantizedTrainingSettings
  ) throws {
    guard let accumulator = settings.accumulator else { return }
    var biases: [String: String] = [:]
    for layer in layers {
      func refuse(_ reason: String) -> GraphError {
        .unsupported(
          "node '\(layer.node.label)' (\(layer.node.operatorType)): it cannot be trained for "
            + "accumulators of \(accumulator.bits) bits: \(reason); --skip leaves the node in float"
        )
      }
      guard layer.weights.channelAxis != nil, layer.weights.groupSize == nil else {
        throw refuse("its weights have no scale for a whole filter")
      }
      guard accumulator.constraint != .a2qPlus || layer.shape.reduce(1, *) > layer.filterCount
      else {
        throw refuse(
          "the constraint 'a2q+' centres filters, and one of a single weight is then always 0; "
            + "'signs' has the same bounds on filters as they are")
      }
      guard let bias = layer.weights.bias else { continue }
      guard graph.initializers[bias]?.count == layer.filterCount else {
        throw refuse("its filters have more than one bias each")
      }
      if let other = biases.updateValue(layer.node.label, forKey: bias) {
        throw refuse("it shares the bias '\(bias)' with '\(other)'")
      }
    }
  }

  /// What bounds the accumulators of a layer; `nil` where none is asked for or its data have no quantizer
  /// yet.
  ///
  /// - Throws: `GraphError` naming the node where the width holds no weight but 0.
  func bound(of place: Int, _ plan: QuantizationPlan) throws -> AccumulatorBound? {
    let layer = layers[place]
    guard let accumulator = settings.accumulator, let value = plan.values[layer.node.inputs[0]],
      let data = value.quantizer
    else { return nil }
    // A scale that moves would move the codes of what clips: those that are settled, the step and what
    // is written would each have a bound of their own.
    let isFused = settings.quantization.target != .qdq
    let codes =
      settings.learnsScales || settings.followsMagnitudes
      ? value.codeRange(ofAnyScaleWith: data, includingFused: isFused)
      : value.codeRange(of: data, includingFused: isFused)
    let bound = AccumulatorBound(
      bits: accumulator.bits,
      inputs: codes.lowerBound - data.zeroPoint...codes.upperBound - data.zeroPoint,
      constraint: accumulator.constraint)
    guard bound.budget(bias: 0).isUsable else {
      throw GraphError.unsupported(
        "node '\(layer.node.label)' (\(layer.node.operatorType)): accumulators of "
          + "\(accumulator.bits) bits hold no weight but 0 beside codes of the input in "
          + "\(bound.inputs.lowerBound)...\(bound.inputs.upperBound): fewer activation bits, or "
          + "--skip leaves the node in float")
    }
    return bound
  }

  /// The codes that weights of some filters get by a bound, in the order of
  /// ``FilterPlaces/places(of:)``.
  ///
  /// - Parameters:
  ///   - filters: The filters.
  ///   - weights: All weights of the layer.
  ///   - bias: The layer's biases, before they are bounded, and the scale of its data.
  ///   - quantizers: The quantizers of the layer's rows.
  func boundedCodes(
    _ bound: AccumulatorBound, of filters: [Int], layer: QuantizedLayer, weights: [Float],
    bias: (values: [Float], dataScale: Float)?, _ quantizers: [Quantizer?]
  ) -> [Int8] {
    let places = FilterPlaces(layer)
    var codes = [Int8](repeating: 0, count: weights.count)
    for filter in filters {
      let own = places.places(of: [filter])
      guard let scale = quantizers[layer.sharesQuantizer ? 0 : filter]?.scale else { continue }
      let found = bound.filter(
        own.map { weights[$0] }, scale: scale, levels: layer.weights.levels,
        bias: bias.map {
          AccumulatorBound.biasCode(
            $0.values[filter], dataScale: $0.dataScale, weightScale: scale)
        } ?? 0)
      for (place, code) in zip(own, found.codes) { codes[place] = Int8(code) }
    }
    return places.places(of: filters).map { codes[$0] }
  }
}
