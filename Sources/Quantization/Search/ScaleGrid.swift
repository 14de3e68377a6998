/// The scales that a search considers: whole multiples of a power of two.
///
/// The step is the unit in the last place of the min-max scale, so that this scale is on the grid, every
/// scale is a float, and a comparison of two candidates is a comparison of integers. See
/// <doc:ScaleSearch>.
package struct ScaleGrid: Sendable, Equatable {
  /// A scale is `multiple * 2^exponent`.
  package let exponent: Int
  /// The multiple that is the min-max scale.
  package let start: Int
  /// The multiples within twice the min-max scale and within ``Quantizer/scaleRange``.
  package let multiples: ClosedRange<Int>
  /// Number of codes.
  package let levels: Int
  /// Zero points allowed.
  package let scheme: Scheme

  /// The grid for values within `minimum...maximum`; `nil` if there are no values but zero or the
  /// min-max scale is outside ``Quantizer/scaleRange``.
  ///
  /// `coarsest` is an exponent that the step is raised to where it is smaller.
  package init?(
    minimum: Float, maximum: Float, levels: Int, scheme: Scheme, coarsest: Int = .min
  ) {
    let scale = Quantizer.spanningScale(
      minimum: minimum, maximum: maximum, levels: levels, scheme: scheme)
    guard Quantizer.scaleRange.contains(scale) else { return nil }
    let finest = Int(scale.exponent) - 23
    let coarsening = max(coarsest, finest) - finest
    exponent = finest + coarsening
    start = max((Int(scale.significandBitPattern) | 1 << 23) >> min(coarsening, 24), 1)
    let lowest = exponent >= -100 ? 1 : 1 << (-100 - exponent)
    let highest = min(2 * start, 100 - exponent < 26 ? 1 << (100 - exponent) : .max)
    multiples = lowest...max(lowest, highest)
    self.levels = levels
    self.scheme = scheme
  }

  /// The allowed multiple nearest below `multiple`: within ``multiples``, and even above 2^24 so that
  /// the scale has at most 24 significant bits.
  package func allowed(_ multiple: Int) -> Int {
    let clamped = min(max(multiple, multiples.lowerBound), multiples.upperBound)
    return clamped > 1 << 24 ? clamped & ~1 : clamped
  }

  /// The scale of a multiple, exact.
  package func scale(of multiple: Int) -> Float {
    Float(sign: .plus, exponent: exponent, significand: Float(multiple))
  }
}
