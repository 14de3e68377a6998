import Operations
import Quantization

extension Backend {
  /// Affine quantizers for histograms of activations.
  func quantizers(
    from histograms: [Histogram], levels: Int, method: RangeMethod, scales: ScaleRule
  ) throws -> [Quantizer] {
    let found: [Quantizer]
    if case .mse = method {
      found = try searchQuantizers(histograms, levels: levels, scheme: .affine).map(\.quantizer)
    } else {
      found = histograms.map {
        Quantization.quantizer(from: $0, method: method, levels: levels, scheme: .affine)
      }
    }
    guard scales == .powerOfTwo else { return found }
    return zip(found, histograms).map { $0.withPowerOfTwoScale(for: $1) }
  }
}
