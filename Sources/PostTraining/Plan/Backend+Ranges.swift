import Operations
import Quantization

extension Backend {
  /// Quantizers for histograms of activations, by the range method and the scales of `settings`. They are
  /// affine; where `settings` or SADL's arithmetic want it, those of values below zero are symmetric.
  func quantizers(
    from histograms: [Histogram], levels: Int, settings: QuantizationSettings
  ) throws -> [Quantizer] {
    let schemes = histograms.map(settings.scheme(of:))
    var found = [Quantizer?](repeating: nil, count: histograms.count)
    for scheme in Scheme.allCases {
      let places = schemes.indices.filter { schemes[$0] == scheme }
      guard !places.isEmpty else { continue }
      let some = try quantizers(
        from: places.map { histograms[$0] }, levels: levels, method: settings.activationRange,
        scheme: scheme)
      for (place, quantizer) in zip(places, some) {
        found[place] =
          settings.scales == .powerOfTwo
          ? quantizer.withPowerOfTwoScale(for: histograms[place]) : quantizer
      }
    }
    return found.compactMap { $0 }
  }

  private func quantizers(
    from histograms: [Histogram], levels: Int, method: RangeMethod, scheme: Scheme
  ) throws -> [Quantizer] {
    if [.mse, .crossEntropy].contains(method) {
      return try searchQuantizers(histograms, levels: levels, scheme: scheme).map(\.quantizer)
    }
    return histograms.map {
      Quantization.quantizer(from: $0, method: method, levels: levels, scheme: scheme)
    }
  }
}
