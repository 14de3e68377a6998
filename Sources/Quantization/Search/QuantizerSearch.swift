/// The least-squares search for scale and zero point: what every backend computes.
///
/// All decisions are comparisons of integers, so every backend finds the same quantizers. See
/// <doc:ScaleSearch> for the method and its sources.
public enum QuantizerSearch {
  /// The best quantizer found for the finite values that a histogram counted.
  ///
  /// Without values, or with zeros only, the scale is 1. Where the min-max scale is outside
  /// ``Quantizer/scaleRange`` the result is the min-max quantizer with its scale clamped. The
  /// quantizer is never worse, on the histogram, than the min-max one.
  public static func fit(
    _ histogram: Histogram, levels: Int, scheme: Scheme
  ) -> QuantizerFit {
    guard let (grid, table) = ExcessTable.make(from: histogram, levels: levels, scheme: scheme)
    else { return spanning(histogram, levels: levels, scheme: scheme) }
    return fit(histogram, TableSearch(grid: grid, table: table).best(), grid)
  }

  /// The fit that a candidate for a histogram stands for.
  ///
  /// Where all values are one, the min-max quantizer is exact and the histogram, which knows a value
  /// only up to a bin's width, does not decide.
  package static func fit(
    _ histogram: Histogram, _ candidate: SearchCandidate, _ grid: ScaleGrid
  ) -> QuantizerFit {
    if histogram.isConstant {
      return spanning(histogram, levels: grid.levels, scheme: grid.scheme)
    }
    let quantizer = quantizer(candidate, grid)
    return QuantizerFit(quantizer: quantizer, error: histogram.meanSquaredError(of: quantizer))
  }

  /// The min-max quantizer of a histogram and its error.
  package static func spanning(
    _ histogram: Histogram, levels: Int, scheme: Scheme
  ) -> QuantizerFit {
    let range = histogram.binnedRange ?? 0...0
    let quantizer = Quantizer(
      minimum: range.lowerBound, maximum: range.upperBound, levels: levels, scheme: scheme)
    return QuantizerFit(quantizer: quantizer, error: histogram.meanSquaredError(of: quantizer))
  }

  /// The best quantizer found for the finite values of a row.
  public static func fit(
    values: [Float], levels: Int, scheme: Scheme
  ) -> QuantizerFit {
    values.withUnsafeBufferPointer { fit($0, levels: levels, scheme: scheme) }
  }

  /// The best quantizer found for the finite values of a row.
  package static func fit(
    _ values: UnsafeBufferPointer<Float>, levels: Int, scheme: Scheme
  ) -> QuantizerFit {
    var range: ClosedRange<Float> = 0...0
    var finite = 0
    for value in values where value.isFinite {
      range = min(range.lowerBound, value)...max(range.upperBound, value)
      finite += 1
    }
    if isShort(count: values.count, levels: levels) {
      if let grid = ScaleGrid(
        minimum: range.lowerBound, maximum: range.upperBound, levels: levels, scheme: scheme)
      {
        let search = ShortRowSearch(grid: grid, values: values)
        return fit(search.best(), grid, squares: search.squares, tickBits: nil, finite: finite)
      }
    } else if let (grid, table, squares) = ExcessTable.make(
      from: values, range: range, levels: levels, scheme: scheme)
    {
      let best = TableSearch(grid: grid, table: table).best()
      return fit(
        best, grid, squares: squares, tickBits: (table.tickBits, table.thresholdBits),
        finite: finite)
    }
    let quantizer = Quantizer(
      minimum: range.lowerBound, maximum: range.upperBound, levels: levels, scheme: scheme)
    return QuantizerFit(quantizer: quantizer, error: quantizer.meanSquaredError(of: values))
  }

  /// Whether a row is searched value by value.
  package static func isShort(count: Int, levels: Int) -> Bool {
    count <= ProbePlan.shortRow(levels: levels) && levels <= ProbePlan.shortRowLevels
  }

  /// The fit of a row from what its search counted.
  ///
  /// `squares` is the sum of the squared values in ticks, or in half steps of the grid where
  /// `tickBits` is nil; the error is `squares - 2 s * excesses`, exact before it is divided.
  package static func fit(
    _ candidate: SearchCandidate, _ grid: ScaleGrid, squares: UInt128,
    tickBits: (ticks: Int, thresholds: Int)?, finite: Int
  ) -> QuantizerFit {
    let shift = tickBits.map { $0.thresholds - $0.ticks } ?? 0
    let gain = candidate.gain
    // In ticks * half steps.
    let removed = (UInt128(gain.high) << 64 | UInt128(gain.low)) << 2
    let present = squares << UInt128(shift)
    let left = present > removed ? Double(present - removed) : 0
    let unit = Double(sign: .plus, exponent: grid.exponent - 1, significand: 1)
    let tick = unit * Double(sign: .plus, exponent: shift, significand: 1)
    return QuantizerFit(
      quantizer: quantizer(candidate, grid), error: left * unit * tick / Double(max(finite, 1)))
  }

  private static func quantizer(_ candidate: SearchCandidate, _ grid: ScaleGrid) -> Quantizer {
    Quantizer(
      scale: grid.scale(of: candidate.multiple), zeroPoint: candidate.zeroPoint,
      levels: grid.levels)
  }
}
