import Calibration
import Quantization

/// Chooses the scale of each filter by the error of its outputs.
///
/// Least squares weighs all weights alike. What counts is what their errors leave in the outputs, which
/// the second moments of the patches tell (``OutputError``). Every filter is rounded with a few scales from
/// below the least-squares one to that which reaches the largest weight, each as it will be used, with
/// sum-preserving rounding and gain where they are on. With gains, each is also tried with the one that
/// keeps the size of the outputs themselves, `w^T C w / w^T C q`, in place of `<w, w> / <w, q>`.
struct ScaleChoice {
  let error: OutputError
  let candidates: ScaleCandidates
  let hasGain: Bool

  typealias Lanes = OutputError.Lanes

  /// The candidate whose errors leave the least in the outputs, the first of equals, with its gain.
  ///
  /// - Parameters:
  ///   - codes: For every candidate the codes of the weights.
  ///   - group: The group of channels that the filter meets; `nil` for a filter of all groups.
  func best(
    of candidates: [Quantizer], codes: [[Int8]], weights: UnsafeBufferPointer<Float>, group: Int?
  ) -> (candidate: Int, gain: Double) {
    var scales = Lanes.zero
    for (lane, candidate) in candidates.enumerated() { scales[lane] = Double(candidate.scale) }
    var floats = [Lanes](repeating: .zero, count: weights.count)
    var quantized = floats
    var errors = floats
    for place in weights.indices {
      for lane in candidates.indices { quantized[place][lane] = Double(codes[lane][place]) }
      quantized[place] *= scales
      floats[place] = Lanes(repeating: Double(weights[place]))
      errors[place] = quantized[place] - floats[place]
    }
    let errorPower = power(errors, group: group)
    guard hasGain else {
      let best = candidates.indices.reduce(0) { errorPower[$1] < errorPower[$0] ? $1 : $0 }
      return (best, 1)
    }
    let quantizedPower = power(quantized, group: group)
    let floatPower = power(floats, group: group)
    // Of |q - w|^2 = |q|^2 - 2 <q, w> + |w|^2.
    let product = (quantizedPower + floatPower - errorPower) / 2
    var best = (candidate: 0, gain: 1.0, error: Double.infinity)
    for lane in candidates.indices {
      let moments = codes[lane].withUnsafeBufferPointer {
        RowMoments(of: weights, codes: $0, candidates[lane])
      }
      for gain in [moments.gain, floatPower[lane] / product[lane]]
      where Self.gainRange.contains(gain) || gain == moments.gain {
        let error =
          gain * (gain * quantizedPower[lane] - 2 * product[lane]) + floatPower[lane]
        if error < best.error { best = (lane, gain, error) }
      }
    }
    return (best.candidate, best.gain)
  }

  /// Gains that outputs may ask for: beyond, they have next to nothing in common with those of the float
  /// weights.
  private static let gainRange = 0.5...2

  /// The mean squared outputs for weights, or errors of weights.
  ///
  /// The weights of a row are channel by channel what a patch has, or, where a layer has more taps than
  /// the patches (in a transposed convolution, where each meets the same pixels), several of them.
  private func power(_ errors: [Lanes], group: Int?) -> Lanes {
    let layout = error.layout
    let groups = group.map { $0..<($0 + 1) } ?? 0..<layout.groups
    let elements = layout.elements / layout.groups
    let copies = errors.count / (elements * groups.count)
    guard copies > 1 || groups.count > 1 else {
      return errors.withUnsafeBufferPointer { error($0, group: groups.lowerBound) }
    }
    var sum = Lanes.zero
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
