extension QuantizerSearch {
  /// The error that a histogram's values have with each of the scales that a search looks at first, from a
  /// sixty-fourth of the min-max scale to twice it, each with its best zero point; in the order of
  /// scales.
  ///
  /// It is what a picture of the search shows: where its brackets lie, and how flat or how ragged the
  /// error is around the scale that was chosen.
  ///
  /// - Returns: The quantizers with their mean squared errors; empty without values other than zero,
  ///   and where the min-max scale is outside ``Quantizer/scaleRange``.
  public static func errorCurve(
    of histogram: Histogram, levels: Int, scheme: Scheme
  ) -> [QuantizerFit] {
    guard let (grid, table) = ExcessTable.make(from: histogram, levels: levels, scheme: scheme)
    else { return [] }
    let search = TableSearch(grid: grid, table: table)
    var curve: [QuantizerFit] = []
    var last = 0
    for probe in 0..<ProbePlan.count {
      let multiple = grid.allowed(ProbePlan.multiple(ofProbe: probe, start: grid.start))
      guard multiple > last, multiple >= grid.start / 64 else { continue }
      last = multiple
      let candidate = search.candidate(multiple)
      let quantizer = Quantizer(
        scale: grid.scale(of: multiple), zeroPoint: candidate.zeroPoint, levels: levels)
      curve.append(
        QuantizerFit(quantizer: quantizer, error: histogram.meanSquaredError(of: quantizer)))
    }
    return curve
  }
}
