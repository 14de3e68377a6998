import Quantization

/// The scales that are tried for a filter.
struct ScaleCandidates {
  let levels: Int
  let scales: ScaleRule

  /// Where candidates lie between the scale of least squares, 0, and that of the largest weight, 8,
  /// in logarithms; least squares and min-max win ties.
  private static let steps = [0, 8, -4, -2, 1, 2, 4, 6]

  /// The quantizers to try for a filter, in place of the one of least squares.
  func around(_ leastSquares: Quantizer, _ weights: UnsafeBufferPointer<Float>) -> [Quantizer] {
    let spanning = Quantizer(spanning: weights, levels: levels, scheme: .symmetric)
    // The eighth root by square roots, which are the same everywhere.
    let ratio = Double(spanning.scale) / Double(leastSquares.scale)
    let root = ratio.squareRoot().squareRoot().squareRoot()
    return Self.steps.map { step in
      switch step {
      case 0: return leastSquares
      case 8 where scales != .powerOfTwo: return spanning
      default:
        var factor = 1.0
        for _ in 0..<step.magnitude { factor *= root }
        return allowed(leastSquares.scaled(by: step < 0 ? 1 / factor : factor))
      }
    }
  }

  /// The quantizers to try for a whole layer: the one that reaches its largest weight, and 12 whose scales
  /// go down to an eighth, in which the largest weights are cut off.
  func below(_ spanning: Quantizer) -> [Quantizer] {
    let root = 0.5.squareRoot().squareRoot()
    var factor = 1.0
    return (0...12).map { _ in
      defer { factor *= root }
      return allowed(spanning.scaled(by: factor))
    }
  }

  private func allowed(_ quantizer: Quantizer) -> Quantizer {
    guard scales == .powerOfTwo else { return quantizer }
    return Quantizer(
      scale: Float(sign: .plus, exponent: quantizer.scale.exponent, significand: 1),
      zeroPoint: quantizer.zeroPoint, levels: levels)
  }
}
