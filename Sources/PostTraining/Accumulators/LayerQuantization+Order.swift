import Graph
import Quantization
import Tensors

extension LayerQuantization {
  /// All weighted layers of `plan` by index of the node.
  ///
  /// Where sums are shifted, a result whose codes are finer than the sums gets coarser ones. That changes
  /// the data of the layers behind it, which are then done again; since scales only grow, it ends.
  func layers(
    _ plan: inout QuantizationPlan, _ histograms: [String: Histogram]
  ) throws -> [Int: QuantizedLayer] {
    guard settings.weightOnly == nil else {
      return try Dictionary(
        uniqueKeysWithValues: plan.weights.sorted(by: { $0.key < $1.key }).map {
          ($0.key, try layer($0.key, $0.value, data: nil, limit: nil))
        })
    }
    var layers: [Int: QuantizedLayer] = [:]
    var data: [Int: Quantizer] = [:]
    // A layer that is done again is a new one, its result is as coarse as before.
    var lowered: Set<Int> = []
    var isSettled: Bool
    repeat {
      isSettled = true
      for (number, weights) in plan.weights.sorted(by: { $0.key < $1.key }) {
        guard let own = plan.values[index.nodes[number].inputs[0]]?.quantizer else {
          preconditionFailure("'\(weights.name)' was planned without data")
        }
        guard data[number] != own else { continue }
        let layer = try layer(
          number, weights, data: own, limit: limit(of: number, plan, data: own, histograms))
        layers[number] = layer
        data[number] = own
        isSettled = false
        guard settings.requantization.needsPowersOfTwo else { continue }
        if plan.lowerResult(of: number, data: own, weights: layer.weights.quantizers, in: index) {
          lowered.insert(number)
        }
      }
    } while !isSettled
    for number in lowered {
      layers[number]?.warnings.append(
        "the codes of its result are as coarse as its sums, so that these need no shift to the "
          + "left: \(plan.values[plan.result(of: number, in: index)]?.levels ?? 0) levels")
    }
    return layers
  }

  /// What the layer's accumulators must fit; `nil` where no width is asked for.
  private func limit(
    of number: Int, _ plan: QuantizationPlan, data: Quantizer, _ histograms: [String: Histogram]
  ) -> AccumulatorLimit? {
    guard let accumulator = settings.accumulator,
      let value = plan.values[index.nodes[number].inputs[0]]
    else { return nil }
    let codes = value.codeRange(of: data, includingFused: settings.target != .qdq)
    let inputs = codes.lowerBound - data.zeroPoint...codes.upperBound - data.zeroPoint
    let reach = Double(max(inputs.upperBound, -inputs.lowerBound)) * Double(data.scale)
    let result = histograms[plan.result(of: number, in: index)]
    return AccumulatorLimit(
      accumulator: accumulator, node: index.nodes[number], inputs: inputs,
      hasBorder: index.nodes[number].attributes.hasBorder, data: data,
      largestActivation: min(plan.histogram(of: value, histograms)?.magnitude ?? reach, reach),
      largestOutput: result?.magnitude)
  }
}

extension Histogram {
  /// The largest magnitude; `nil` without finite values.
  fileprivate var magnitude: Double? {
    guard let minimum, let maximum else { return nil }
    return Double(max(minimum.magnitude, maximum.magnitude))
  }
}
