import Graph
import Quantization
import Tensors

/// Fits the scales of a layer's weights to an accumulator of a width.
///
/// First from statistics: `q_w + q_x` is what ``Quantization/AccumulatorEstimate`` allows. Then over
/// integers: as long as the interval of a filter's accumulator leaves the width, its `q_w` is lowered by 1
/// and its weights and bias are rounded again.
struct AccumulatorLimit {
  let accumulator: AccumulatorSettings
  /// The layer's node, for messages.
  let node: Node
  /// The codes that its input can have, less their zero point.
  let inputs: ClosedRange<Int>
  /// Whether windows reach past the input.
  let hasBorder: Bool
  /// The data's quantizer.
  let data: Quantizer
  /// The largest magnitude of the input within its quantizer's range.
  let largestActivation: Double
  /// The largest magnitude of the output that was observed.
  let largestOutput: Double?

  /// Raises scales of `layer` until its accumulators fit.
  ///
  /// - Throws: `GraphError` naming the node where no scale is large enough, or filters cannot be told apart.
  func fit(
    _ layer: inout QuantizedLayer, _ weights: Tensor, _ plan: WeightPlan,
    settings: QuantizationSettings, correcting bias: (QuantizedWeights) -> [Float]?
  ) throws {
    guard let axis = plan.channelAxis, layer.weights.groupSize == nil else {
      throw refusal("its weights have no scale for a whole filter")
    }
    let floats = weights.array(of: Float.self).rows(of: weights.shape, axis: axis)
    if let bias = layer.bias, bias.count != floats.count {
      throw refusal(
        "its \(bias.count) biases are not one for each of the \(floats.count) filters along dimension "
          + "\(axis) of its weights")
    }
    let statistics = LayerStatistics(
      channels: floats, biases: layer.bias ?? [], largestActivation: largestActivation,
      largestOutput: largestOutput)
    let found = layer.weights.quantizers
    var quantizers = found
    let filtersBefore = aliveFilters(layer.weights, axis)
    let start = startingExponents(statistics, quantizers)
    for (row, exponent) in start.enumerated() { quantizers[row] = quantizers[row].with(exponent) }
    var lowerings = 0
    var intervals: [AccumulatorInterval]
    repeat {
      if quantizers != layer.weights.quantizers {
        layer.weights = plan.requantize(weights, quantizers, like: layer.weights, settings)
        layer.bias = bias(layer.weights)
      }
      intervals = self.intervals(layer, axis)
      // Where all share one quantizer, the filter that needs most stands for them.
      let wide = intervals.indices.filter { intervals[$0].bits > accumulator.bits }
        .sorted { intervals[$0].bits > intervals[$1].bits }
      let rows = Dictionary(
        wide.map { (quantizers.count == 1 ? 0 : $0, $0) }, uniquingKeysWith: { first, _ in first })
      guard accumulator.isProven, !rows.isEmpty else { break }
      for (row, filter) in rows.sorted(by: { $0.key < $1.key }) {
        guard quantizers[row].scale < Quantizer.scaleRange.upperBound else {
          throw refusal("filter \(filter) needs \(intervals[filter].bits) bits whatever its scale")
        }
        quantizers[row] = quantizers[row].with(quantizers[row].exponent - 1)
        lowerings += 1
      }
    } while true
    try look(at: &layer, alive: filtersBefore, axis)
    layer.determination = ShiftDetermination(
      statistics: statistics, guaranteed: statistics.guaranteed,
      approximate: statistics.approximate,
      observed: statistics.observed(guard: accumulator.guardFactor),
      inputExponent: data.exponent, weightExponents: [start.min() ?? 0, start.max() ?? 0],
      finalWeightExponents: [
        quantizers.map(\.exponent).min() ?? 0, quantizers.map(\.exponent).max() ?? 0,
      ], raisedScales: zip(quantizers, found).count { $0.scale > $1.scale }, lowerings: lowerings,
      neededBits: intervals.map(\.bits).max() ?? 0)
  }

  /// The exponents of the scales that were found, lowered to what the statistics allow.
  private func startingExponents(
    _ statistics: LayerStatistics, _ quantizers: [Quantizer]
  ) -> [Int] {
    quantizers.indices.map { row in
      let channel =
        quantizers.count == statistics.meanWeights.count && quantizers.count > 1 ? row : nil
      let largest = statistics.largestSum(
        accumulator.estimate, channel: channel, guard: accumulator.guardFactor)
      let sum = ShiftQuantizers.exponent(bits: accumulator.bits, largest: largest)
      return min(quantizers[row].exponent, sum - data.exponent)
    }
  }

  private func intervals(_ layer: QuantizedLayer, _ axis: Int) -> [AccumulatorInterval] {
    let codes = layer.weights.codes.array(of: Int8.self).rows(
      of: layer.weights.codes.shape, axis: axis)
    let biases = layer.bias.map {
      BiasCheck(values: $0, dataScale: data.scale, isPowerOfTwo: true)
        .codes(layer.weights.quantizers)
    }
    return codes.indices.map { filter in
      AccumulatorInterval(
        weights: codes[filter].lazy.map { Int($0) }, inputs: inputs, hasBorder: hasBorder,
        bias: biases.map { Int($0[filter]) } ?? 0)
    }
  }

  private func aliveFilters(_ weights: QuantizedWeights, _ axis: Int) -> Int {
    weights.codes.array(of: Int8.self).rows(of: weights.codes.shape, axis: axis)
      .count { $0.contains { $0 != 0 } }
  }

  /// Throws when no weight is left, and warns when filters lost all of theirs.
  private func look(at layer: inout QuantizedLayer, alive before: Int, _ axis: Int) throws {
    let after = aliveFilters(layer.weights, axis)
    guard after < before else { return }
    guard after > 0 else {
      throw refusal(
        "all weights would be 0: one step of a weight times an input code of "
          + "\(max(inputs.upperBound, -inputs.lowerBound)) needs more")
    }
    layer.warnings.append(
      "accumulators of \(accumulator.bits) bits leave \(before - after) of its \(before) filters "
        + "no weight but 0")
  }

  private func refusal(_ reason: String) -> GraphError {
    accumulator.refusal(node.label, node.operatorType, reason)
  }
}

extension Quantizer {
  /// `q` of a scale `2^-q`.
  var exponent: Int { -Int(scale.exponent) }

  /// The quantizer with the scale `2^-exponent`.
  func with(_ exponent: Int) -> Quantizer {
    let scale = Float(sign: .plus, exponent: -exponent, significand: 1)
    return Quantizer(
      scale: min(max(scale, Self.scaleRange.lowerBound), Self.scaleRange.upperBound),
      zeroPoint: zeroPoint, levels: levels)
  }
}

extension Array {
  /// The elements of each index of `axis`, for a tensor of `shape`, in the order of memory.
  func rows(of shape: [Int], axis: Int) -> [[Element]] {
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    return (0..<shape[axis]).map { channel in
      (0..<outer).flatMap { block in
        let first = (block * shape[axis] + channel) * inner
        return self[first..<first + inner]
      }
    }
  }
}
