import Calibration
import Quantization

/// Chooses the scale of each filter by the error of its outputs.
///
/// Least squares weighs all weights alike. What counts is what their errors leave in the outputs, which
/// the second moments of the patches tell (``OutputError``). Every filter is rounded with a few scales from
/// below the least-squares one to that which reaches the largest weight, each as it will be used, with
/// sum-preserving rounding and gain where they are on.
struct ScaleChoice {
  let error: OutputError
  let levels: Int
  let scales: ScaleRule
  let hasGain: Bool

  /// Where candidates lie between the scale of least squares, 0, and that of the largest weight, 8,
  /// in logarithms; least squares and min-max win ties.
  private static let steps = [0, 8, -4, -2, 1, 2, 4, 6]

  /// The quantizers to try for a filter, in place of the one of least squares.
  func candidates(_ leastSquares: Quantizer, _ weights: UnsafeBufferPointer<Float>) -> [Quantizer] {
    let spanning = Quantizer(spanning: weights, levels: levels, scheme: .symmetric)
    // The eighth root by square roots, which are the same everywhere.
    let ratio = Double(spanning.scale) / Double(leastSquares.scale)
    let root = ratio.squareRoot().squareRoot().squareRoot()
    return Self.steps.map { step in
      switch step {
      case 0: return leastSquares
      case 8 where scales == .real: return spanning
      default:
        var factor = 1.0
        for _ in 0..<step.magnitude { factor *= root }
        let moved = leastSquares.scaled(by: step < 0 ? 1 / factor : factor)
        guard scales == .powerOfTwo else { return moved }
        return Quantizer(
          scale: Float(sign: .plus, exponent: moved.scale.exponent, significand: 1),
          zeroPoint: moved.zeroPoint, levels: levels)
      }
    }
  }

  /// The candidate whose errors leave the least in the outputs; the first of equals.
  ///
  /// - Parameters:
  ///   - codes: For every candidate the codes of the weights.
  ///   - group: The group of channels that the filter meets; `nil` for a filter of all groups.
  func best(
    of candidates: [Quantizer], codes: [[Int8]], weights: UnsafeBufferPointer<Float>, group: Int?
  ) -> Int {
    var scales = OutputError.Lanes.zero
    for (lane, candidate) in candidates.enumerated() {
      let moments = codes[lane].withUnsafeBufferPointer {
        RowMoments(of: weights, codes: $0, scale: candidate.scale)
      }
      scales[lane] = Double(candidate.scaled(by: hasGain ? moments.gain : 1).scale)
    }
    var errors = [OutputError.Lanes](repeating: .zero, count: weights.count)
    for place in weights.indices {
      var values = OutputError.Lanes.zero
      for lane in candidates.indices { values[lane] = Double(codes[lane][place]) }
      errors[place] = values * scales - Double(weights[place])
    }
    let found = outputErrors(errors, group: group)
    return candidates.indices.reduce(0) { found[$1] < found[$0] ? $1 : $0 }
  }

  /// The weights of a row are channel by channel what a patch has, or, where a layer has more taps than
  /// the patches (in a transposed convolution, where each meets the same pixels), several of them.
  private func outputErrors(_ errors: [OutputError.Lanes], group: Int?) -> OutputError.Lanes {
    let layout = error.layout
    let groups = group.map { $0..<($0 + 1) } ?? 0..<layout.groups
    let elements = layout.elements / layout.groups
    let copies = errors.count / (elements * groups.count)
    guard copies > 1 || groups.count > 1 else {
      return errors.withUnsafeBufferPointer { error($0, group: groups.lowerBound) }
    }
    var sum = OutputError.Lanes.zero
    for group in groups {
      let first = group * elements * copies
      for copy in 0..<copies {
        let part = (0..<elements).map { errors[first + $0 * copies + copy] }
        sum += part.withUnsafeBufferPointer { error($0, group: group) }
      }
    }
    return sum
  }
}
