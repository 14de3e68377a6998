extension AccumulatorInterval {
  /// How many products of a filter an accumulator holds, whichever they are and whatever the codes: after
  /// so many at the latest, sums of that width have to be emptied into wider ones.
  ///
  /// The products with the largest weights decide, the largest and the smallest codes of the input beside
  /// them. Some runs of products that a kernel adds may be longer.
  ///
  /// - Parameters:
  ///   - weights: The filter's weights less their zero point.
  ///   - inputs: Codes of the input less their zero point.
  ///   - hasBorder: Whether taps can lie on a border, where the input counts as 0.
  ///   - bits: The accumulator's width, the sign included.
  /// - Returns: At most the number of weights.
  public static func depth(
    weights: some Sequence<Int>, inputs: ClosedRange<Int>, hasBorder: Bool = false, bits: Int
  ) -> Int {
    let inputs =
      hasBorder ? min(inputs.lowerBound, 0)...max(inputs.upperBound, 0) : inputs
    let ends = weights.map { weight in (weight * inputs.lowerBound, weight * inputs.upperBound) }
    let limit = 1 << (bits - 1)
    func count(_ parts: [Int], upTo limit: Int) -> Int {
      var room = limit
      return parts.sorted(by: >).prefix { part in
        room -= max(part, 0)
        return room >= 0
      }.count
    }
    return min(
      count(ends.map { max($0.0, $0.1) }, upTo: limit - 1),
      count(ends.map { -min($0.0, $0.1) }, upTo: limit))
  }
}
