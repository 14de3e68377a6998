import Glibc

/// The search for the clipping range whose quantized distribution is nearest to the original in
/// Kullback-Leibler divergence, for any number of levels.
///
/// After S. Migacz, "8-bit inference with TensorRT" (GTC 2017), with these differences: a candidate
/// is a quantizer and its own codes group the bins, so the true number of levels and the zero point
/// count; ranges of one or of two sides are clipped at `threshold` in magnitude; and exact zeros,
/// which every quantizer keeps, are left out.
///
/// For a threshold, the reference distribution holds the bins within it, with the values beyond added
/// to the outermost bins. The quantized distribution spreads the values of every code evenly over the
/// occupied bins that have this code. Both are mixed with a little of the uniform distribution, so
/// that the divergence is finite.
struct EntropySearch {
  private let histogram: Histogram
  private let levels: Int
  private let scheme: Scheme

  /// Thresholds that are tried, evenly spaced between the first and the last.
  static let candidates = 256
  /// The share of the uniform distribution that both distributions are mixed with.
  static let smoothing = 1e-4

  init(_ histogram: Histogram, levels: Int, scheme: Scheme) {
    self.histogram = histogram
    self.levels = levels
    self.scheme = scheme
  }

  /// The fit of the best threshold; the largest of equally good ones.
  func best() -> QuantizerFit {
    let spanning = QuantizerSearch.spanning(histogram, levels: levels, scheme: scheme)
    guard let range = histogram.binnedRange, range != 0...0 else { return spanning }
    let reach = Double(max(range.upperBound, -range.lowerBound))
    let most = min(Int((reach / histogram.binWidth).rounded(.up)), histogram.binsPerSide)
    // With no more bins than codes, quantization changes no bin and the divergence says nothing.
    let fewest = min(max(levels / (range.lowerBound < 0 && range.upperBound > 0 ? 2 : 1), 1), most)
    var best = spanning.quantizer
    var least = Double.infinity
    for candidate in (0...Self.candidates).reversed() {
      let bins = fewest + (most - fewest) * candidate / Self.candidates
      let threshold = bins == most ? Float(reach) : Float(Double(bins) * histogram.binWidth)
      let quantizer = Quantizer(
        minimum: max(range.lowerBound, -threshold), maximum: min(range.upperBound, threshold),
        levels: levels, scheme: scheme)
      let divergence = divergence(of: quantizer, bins: bins)
      if divergence < least { (least, best) = (divergence, quantizer) }
    }
    return QuantizerFit(quantizer: best, error: histogram.meanSquaredError(of: best))
  }

  /// The divergence of the quantized from the reference distribution, both within `bins` bins of zero.
  private func divergence(of quantizer: Quantizer, bins: Int) -> Double {
    let within = histogram.binsPerSide - bins..<histogram.binsPerSide + bins
    let counts = histogram.counts
    var reference = counts[within].map { Double($0) }
    reference[0] += Double(counts[..<within.lowerBound].reduce(0, +))
    reference[reference.count - 1] += Double(counts[within.upperBound...].reduce(0, +))
    let quantized = quantized(counts[within], by: quantizer)
    let total = reference.reduce(0, +)
    let kept = quantized.reduce(0, +)
    guard total > 0, kept > 0 else { return .infinity }
    let occupied = zip(reference, quantized).reduce(0) { $0 + ($1.0 > 0 || $1.1 > 0 ? 1 : 0) }
    let uniform = Self.smoothing / Double(occupied)
    var divergence = 0.0
    for (p, q) in zip(reference, quantized) where p > 0 || q > 0 {
      let smoothP = p / total * (1 - Self.smoothing) + uniform
      let smoothQ = q / kept * (1 - Self.smoothing) + uniform
      divergence += smoothP * log(smoothP / smoothQ)
    }
    return divergence
  }

  /// The values of neighbouring bins of one code, spread over those of them that are occupied.
  private func quantized(
    _ counts: ArraySlice<UInt64>, by quantizer: Quantizer
  ) -> [Double] {
    var result = [Double](repeating: 0, count: counts.count)
    var start = counts.startIndex
    while start < counts.endIndex {
      let code = code(ofBin: start, quantizer)
      var end = start
      var (sum, occupied): (UInt64, Int) = (0, 0)
      while end < counts.endIndex, code == self.code(ofBin: end, quantizer) {
        sum += counts[end]
        occupied += counts[end] > 0 ? 1 : 0
        end += 1
      }
      for bin in start..<end where counts[bin] > 0 {
        result[bin - counts.startIndex] = Double(sum) / Double(occupied)
      }
      start = end
    }
    return result
  }

  private func code(ofBin position: Int, _ quantizer: Quantizer) -> Int {
    let bounds = histogram.bounds(ofBin: position)
    return quantizer.code(of: Float((bounds.lower + bounds.upper) / 2))
  }
}
