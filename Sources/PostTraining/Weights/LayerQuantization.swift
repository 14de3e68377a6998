import Calibration
import Graph
import Operations
import Quantization
import Tensors

/// A weighted layer with its codes.
struct QuantizedLayer: Sendable {
  var weights: QuantizedWeights
  /// The float bias, corrected.
  var bias: [Float]?
  /// Whether scales were to be chosen by the error of outputs and the statistics hold no moments.
  var lacksMoments = false
  /// How its quantizers were determined for an accumulator of a width.
  var determination: ShiftDetermination?
  /// What the user should know, without the layer's name.
  var warnings: [String] = []
}

/// Gives the weights of a graph's layers their codes, one layer after the other.
struct LayerQuantization<B: Backend> {
  let index: GraphIndex
  let channelMeans: [String: [Double]]
  let patchMoments: [String: [PatchGeometry: PatchMoments]]
  let settings: QuantizationSettings
  let backend: B

  /// The layer of node `number`, whose data have the quantizer `data`, or none.
  func layer(
    _ number: Int, _ plan: WeightPlan, data: Quantizer?, limit: AccumulatorLimit?
  ) throws -> QuantizedLayer {
    guard let tensor = index.constants[plan.name] else {
      preconditionFailure("'\(plan.name)' was planned without weights")
    }
    let bias = plan.bias.flatMap { index.constants[$0]?.array(of: Float.self) }
    // What an int32 bias must fit.
    let storedBias = data.flatMap { data in bias.map { ($0, data.scale) } }
    try index.requireFinite([plan.name, plan.bias], of: number)
    let node = index.nodes[number]
    let takesBias = settings.correctsBiases && plan.takesBias(node)
    let means = takesBias ? channelMeans[node.inputs[0]] : nil
    var moments: PatchMoments?
    if settings.needsMoments(of: plan) {
      moments = plan.patches.flatMap { patchMoments[node.inputs[0]]?[$0] }
    }
    let weights: QuantizedWeights
    if let moments, settings.roundsBySecondOrder(plan) {
      weights = try plan.quantize(
        tensor, bias: storedBias,
        moments: FilterMoments(moments, isCentered: means != nil), settings: settings, on: backend)
    } else {
      weights = try plan.quantize(
        tensor, bias: storedBias,
        patches: moments.map { ($0, isCentered: means != nil) }, settings: settings, on: backend)
    }
    func corrected(_ quantized: QuantizedWeights) -> [Float]? {
      guard let means,
        let shifts = BiasCorrection(means: means).shifts(
          node, weights: tensor, quantized: quantized)
      else { return bias }
      return zip(bias ?? [Float](repeating: 0, count: shifts.count), shifts).map {
        Float(Double($0) + $1)
      }
    }
    var layer = QuantizedLayer(
      weights: weights, bias: corrected(weights),
      lacksMoments: settings.needsMoments(of: plan) && moments == nil)
    try limit?.fit(&layer, tensor, plan, settings: settings, correcting: corrected)
    return layer
  }
}

extension LayerQuantization {
  /// The layer of node `number` for data that are not the float network's: its weights are fitted to
  /// these before they are rounded, and its bias takes the mean of the error that is left.
  func layer(
    _ number: Int, _ plan: WeightPlan, data: Quantizer, replayed moments: FilterMoments
  ) throws -> QuantizedLayer {
    guard let tensor = index.constants[plan.name], let axis = plan.channelAxis else {
      preconditionFailure("'\(plan.name)' was planned without weights")
    }
    let bias = plan.bias.flatMap { index.constants[$0]?.array(of: Float.self) }
    let fitted = WeightFitting(moments: moments).fitted(tensor, axis: axis)
    guard fitted.isFinite else {
      throw GraphError.invalid(
        "node '\(index.nodes[number].label)' (\(index.nodes[number].operatorType)): its weights, fitted "
          + "to what quantized layers before it give, are not finite")
    }
    var weights: QuantizedWeights
    var lacksMoments = false
    if settings.roundsBySecondOrder(plan) {
      weights = try plan.quantize(
        fitted, bias: bias.map { ($0, data.scale) }, moments: moments, settings: settings,
        on: backend)
    } else {
      let takesBias = settings.improvements.contains(.bias) && plan.takesBias(index.nodes[number])
      let patches =
        settings.choosesScales(of: plan)
        ? plan.patches.flatMap { patchMoments[index.nodes[number].inputs[0]]?[$0] } : nil
      lacksMoments = settings.choosesScales(of: plan) && patches == nil
      weights = try plan.quantize(
        fitted, bias: bias.map { ($0, data.scale) },
        patches: patches.map { ($0, isCentered: takesBias) }, settings: settings, on: backend)
    }
    // Codes stand for the layer's own weights, not for those that were fitted.
    weights.measure(against: tensor)
    var layer = QuantizedLayer(weights: weights, bias: bias, lacksMoments: lacksMoments)
    guard settings.improvements.contains(.bias), plan.takesBias(index.nodes[number]) else {
      return layer
    }
    let shifts = moments.shifts(tensor, weights, axis: axis)
    layer.bias = zip(bias ?? [Float](repeating: 0, count: shifts.count), shifts).map {
      Float(Double($0) + $1)
    }
    return layer
  }
}

extension Tensor {
  /// Whether all elements, floats, are finite.
  var isFinite: Bool { withElements(of: Float.self) { $0.allSatisfy(\.isFinite) } }
}

extension GraphIndex {
  /// Throws when one of the constants `names` of a node that is to be quantized holds NaN or
  /// infinities: no codes stand for them.
  func requireFinite(_ names: [String?], of number: Int) throws {
    for name in names.compactMap({ $0 }) {
      guard let tensor = constants[name], tensor.elementType == .float32 else { continue }
      let histogram = Histogram(tensor.array(of: Float.self))
      guard histogram.nans + histogram.infinities > 0 else { continue }
      let node = nodes[number]
      throw GraphError.invalid(
        "node '\(node.label)' (\(node.operatorType)): the constant '\(name)' holds "
          + "\(histogram.nans) NaN and \(histogram.infinities) infinite elements")
    }
  }
}
