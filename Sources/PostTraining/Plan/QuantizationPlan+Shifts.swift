import Graph
package import Quantization

extension QuantizationPlan {
  /// Where the result of node `number` gets its codes: behind the Relu and Clip nodes that alone read it.
  func result(of number: Int, in index: GraphIndex) -> String {
    var value = index.nodes[number].outputs.first ?? ""
    while let reader = index.onlyReader(of: value),
      ["Relu", "Clip"].contains(index.nodes[reader].operatorType)
    {
      value = index.nodes[reader].outputs[0]
    }
    return value
  }

  /// The results of weighted nodes, whose largest magnitudes the estimate `observed` is made of.
  public func observedResults(for settings: QuantizationSettings) -> Set<String> {
    guard settings.accumulator?.estimate == .observed else { return [] }
    let index = GraphIndex(graph)
    return Set(weights.keys.map { result(of: $0, in: index) })
  }

  /// Raises the scale of the result of node `number` until sums need no shift to the left:
  /// `q_out <= q_w + q_x` for every filter.
  ///
  /// The range of real numbers stays, so there are fewer codes.
  ///
  /// - Returns: Whether anything has changed.
  mutating func lowerResult(
    of number: Int, data: Quantizer, weights: [Quantizer], in index: GraphIndex
  ) -> Bool {
    guard let value = values[result(of: number, in: index)], let quantizer = value.quantizer,
      let finest = weights.map(\.exponent).min(),
      quantizer.exponent > finest + data.exponent
    else { return false }
    let coarser = quantizer.coarser(by: quantizer.exponent - finest - data.exponent)
    for name in values.keys where values[name]!.group == value.group {
      values[name]!.quantizer = coarser
      values[name]!.levels = coarser.levels
    }
    return true
  }
}

extension Quantizer {
  /// A quantizer with a scale `2^steps` times as large, as far as scales go, whose codes reach both ends of
  /// the range; zero stays at an end, or in the middle.
  package func coarser(by steps: Int) -> Quantizer {
    let steps = min(steps, Int(Self.scaleRange.upperBound.exponent) + exponent)
    func part(_ codes: Int) -> Int {
      // From here on one step is more than all codes there can be.
      guard steps < 17 else { return codes > 0 ? 1 : 0 }
      return (codes + (1 << steps) - 1) >> steps
    }
    let (below, above) = (part(zeroPoint), part(levels - 1 - zeroPoint))
    return Quantizer(
      scale: Float(sign: .plus, exponent: steps - exponent, significand: 1), zeroPoint: below,
      levels: below + above + 1)
  }
}
