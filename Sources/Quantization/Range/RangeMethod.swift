/// How a quantizer is chosen from a histogram.
public enum RangeMethod: Sendable, Hashable {
  /// The codes span all values.
  case minmax
  /// The codes span the middle so many percent of the finite values; half of the rest is cut off at
  /// either end. Above 0, at most 100.
  case percentile(Double)
  /// The codes span the range whose quantized distribution is nearest to the original in
  /// Kullback-Leibler divergence.
  case entropy
  /// Scale and zero point of the least mean squared error; ``QuantizerSearch``.
  case mse
  /// For a classifier's last activation the quantizer whose classes' probabilities have the least cross
  /// entropy, which takes the samples themselves; from a histogram alone, ``mse``.
  case crossEntropy

  /// The percentile that `percentile` without a number means.
  public static let defaultPercentile = 99.999
}

extension RangeMethod: LosslessStringConvertible {
  /// `minmax`, `percentile`, `percentile:99.9`, `entropy`, `mse` or `crossentropy`; `nil` for anything else.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false)
    switch (parts.first, parts.count) {
    case ("minmax", 1): self = .minmax
    case ("entropy", 1): self = .entropy
    case ("mse", 1): self = .mse
    case ("crossentropy", 1): self = .crossEntropy
    case ("percentile", 1): self = .percentile(Self.defaultPercentile)
    case ("percentile", 2):
      guard let percent = Double(parts[1]), percent > 0, percent <= 100 else { return nil }
      self = .percentile(percent)
    default: return nil
    }
  }

  /// What ``init(_:)`` reads.
  public var description: String {
    switch self {
    case .minmax: "minmax"
    case .percentile(let percent): "percentile:\(percent)"
    case .entropy: "entropy"
    case .mse: "mse"
    case .crossEntropy: "crossentropy"
    }
  }
}

/// The quantizer that `method` chooses for the finite values of a histogram, and its mean squared
/// error on the histogram.
///
/// A histogram without values, or of zeros only, gets the scale 1.
public func quantizerFit(
  from histogram: Histogram, method: RangeMethod, levels: Int, scheme: Scheme
) -> QuantizerFit {
  switch method {
  case .minmax:
    return QuantizerSearch.spanning(histogram, levels: levels, scheme: scheme)
  case .percentile(let percent):
    precondition(percent > 0 && percent <= 100, "percentile \(percent)")
    let range = histogram.range(ofPercentile: percent)
    let quantizer = Quantizer(
      minimum: range.lowerBound, maximum: range.upperBound, levels: levels, scheme: scheme)
    return QuantizerFit(quantizer: quantizer, error: histogram.meanSquaredError(of: quantizer))
  case .entropy:
    return EntropySearch(histogram, levels: levels, scheme: scheme).best()
  case .mse, .crossEntropy:
    return QuantizerSearch.fit(histogram, levels: levels, scheme: scheme)
  }
}

/// The quantizer of ``quantizerFit(from:method:levels:scheme:)``.
public func quantizer(
  from histogram: Histogram, method: RangeMethod, levels: Int, scheme: Scheme
) -> Quantizer {
  quantizerFit(from: histogram, method: method, levels: levels, scheme: scheme).quantizer
}
