import PostTraining
import Quantization
import Tensors

/// How far the quantization of a network has come.
struct QuantizationState: Sendable {
  /// The plan, with the quantizers of the activations that have one by now.
  var plan: QuantizationPlan
  /// The weights, layer by layer.
  var weights: [LayerCodes]
  /// Which channels are quantized, activation by activation.
  var active: [[Bool]]
  /// What was changed to keep biases in range.
  var remedies: [String] = []

  /// Nothing is quantized.
  init(_ network: QuantizedNetwork) {
    plan = network.plan
    weights = network.layers.map(LayerCodes.init)
    active = network.activations.map { .init(repeating: false, count: $0.channelCount) }
  }

  /// How much of an activation is quantized.
  func coverage(of activation: Int) -> Coverage {
    if active[activation].allSatisfy({ $0 }) { return .all }
    return active[activation].contains(true) ? .some : .none
  }

  enum Coverage { case none, some, all }
}

/// The codes of a layer's weights, as far as they are settled.
struct LayerCodes: Sendable {
  /// Signed codes `q - zeroPoint` in the weights' places; 0 where they are not settled.
  var codes: [Int8]
  /// The quantizers in the order of rows; empty where none is known, 1 for a layer that shares one.
  var quantizers: [Quantizer?]
  /// The filters whose codes are settled.
  var isFrozen: [Bool]

  init(_ layer: QuantizedLayer) {
    codes = [Int8](repeating: 0, count: layer.shape.reduce(1, *))
    quantizers = []
    isFrozen = [Bool](repeating: false, count: layer.filterCount)
  }

  /// Whether every filter's codes are settled.
  var isComplete: Bool { isFrozen.allSatisfy { $0 } }

  /// Whether the rows of `filters` have quantizers.
  func hasQuantizers(of filters: [Int], _ layer: QuantizedLayer) -> Bool {
    guard !quantizers.isEmpty else { return false }
    let each = layer.quantizerCount / isFrozen.count
    return layer.sharesQuantizer || filters.allSatisfy { quantizers[$0 * each] != nil }
  }

  /// Quantizers of all rows, where every row has one.
  var allQuantizers: [Quantizer]? {
    let known = quantizers.compactMap { $0 }
    return known.isEmpty || known.count < quantizers.count ? nil : known
  }
}
