/// A quantizer found by a search and the error that the search attributes to it.
public struct QuantizerFit: Sendable, Hashable {
  /// The scale and the zero point found.
  public let quantizer: Quantizer

  /// Mean squared error over all finite values, in squared units of the values. Searches on histograms
  /// take values as spread evenly over their bin; ``Quantizer/meanSquaredError(of:)`` is exact.
  public let error: Double

  /// Makes a fit.
  public init(quantizer: Quantizer, error: Double) {
    self.quantizer = quantizer
    self.error = error
  }
}

extension Quantizer {
  /// The mean of `(x - value(of: code(of: x)))^2` over the finite `values`, computed in `Double`; zero
  /// if there are none.
  public func meanSquaredError(of values: some Sequence<Float>) -> Double {
    var sum = 0.0
    var count = 0
    for value in values where value.isFinite {
      let difference = Double(value) - Double(self.value(of: code(of: value)))
      sum += difference * difference
      count += 1
    }
    return count == 0 ? 0 : sum / Double(count)
  }
}
