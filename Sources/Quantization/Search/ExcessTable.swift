/// The mean excess of a distribution beyond any threshold, on both sides of zero, in integers.
///
/// With `excess(t) = sum of max(|x| - t, 0)` over the values of one side, the squared error of a
/// quantizer with scale `s` and borders `t_j = (j + 1/2) s` is
///
///     (1)  E = sum of x^2  -  2 s * (sum over borders of excess(t_j) on their side)
///
/// for any distribution, clipping included. A table of values at the borders of bins, counted from
/// the far end, therefore gives the error of any scale and zero point with one lookup a level.
///
/// Within a bin the values of a histogram count as spread evenly, `excess` is then a parabola;
/// those of a row count as lying at their mean, which is exact for bins of one value, and `excess`
/// is the larger of the two tangents from the bin's ends.
///
/// Units: a bin is `1 << thresholdBits` threshold units and `1 << tickBits` ticks wide; excesses are
/// in ticks. A threshold unit is half a step of the ``ScaleGrid``, so every border is a whole number.
package struct ExcessTable: Sendable, Equatable {
  /// Bins a side; entries of a side: one more.
  package let bins: Int
  /// Binary logarithm of a bin in threshold units.
  package let thresholdBits: Int
  /// Binary logarithm of a bin in ticks; at most ``thresholdBits``.
  package let tickBits: Int
  /// Whether values are spread over their bin (histograms) or lie at their mean (rows).
  package let isSpread: Bool
  /// Number of values in a bin and beyond it: `bins + 1` entries above zero, then as many below.
  package let counts: [UInt32]
  /// Sum of the excesses beyond the nearer border of a bin, laid out like ``counts``.
  package let excesses: [Int64]

  /// A table from the number of values in every bin and the sum of their distances, in ticks, from its
  /// nearer border; bins above zero first, each side from zero outwards.
  init(
    bins: Int, thresholdBits: Int, tickBits: Int, isSpread: Bool,
    contents: (_ position: Int) -> (count: UInt32, remainders: Int64)
  ) {
    self.bins = bins
    self.thresholdBits = thresholdBits
    self.tickBits = tickBits
    self.isSpread = isSpread
    var counts = [UInt32](repeating: 0, count: 2 * (bins + 1))
    var excesses = [Int64](repeating: 0, count: 2 * (bins + 1))
    for side in 0...1 {
      let first = side * (bins + 1)
      for bin in (0..<bins).reversed() {
        let (count, remainders) = contents(side * bins + bin)
        let beyond = counts[first + bin + 1]
        excesses[first + bin] =
          excesses[first + bin + 1] + Int64(beyond) << Int64(tickBits) + remainders
        counts[first + bin] = beyond + count
      }
    }
    self.counts = counts
    self.excesses = excesses
  }

  /// The sum of excesses beyond `threshold` on one side (0: above zero, 1: below), in ticks, rounded up
  /// by less than two.
  func excess(side: Int, threshold: Int) -> Int64 {
    let bin = threshold >> thresholdBits
    guard bin < bins else { return 0 }
    let entry = side * (bins + 1) + bin
    let offset = Int64(threshold & (1 << thresholdBits - 1))
    let shift = Int64(thresholdBits - tickBits)
    let near = excesses[entry] - (Int64(counts[entry]) * offset) >> shift
    if isSpread {
      // count * (offset / width)^2 * width / 2, the offset in 15 bits.
      let share =
        thresholdBits >= 15
        ? offset >> Int64(thresholdBits - 15) : offset << Int64(15 - thresholdBits)
      let count = Int64(counts[entry] - counts[entry + 1])
      return near + (count * share * share) >> Int64(31 - tickBits)
    }
    let toBorder = Int64(1 << thresholdBits) - offset
    let far = excesses[entry + 1] + (Int64(counts[entry + 1]) * toBorder) >> shift
    return max(near, far)
  }

  /// How many bits of a bin's width ticks may resolve, so that the excess sums over all levels stay
  /// below 2^62.
  static func mostTickBits(count: UInt64, bins: Int, levels: Int) -> Int {
    let magnitude = bitCount(count) + bins.trailingZeroBitCount + bitCount(UInt64(levels - 1))
    return min(12, 62 - magnitude)
  }

  /// The number of binary digits.
  static func bitCount(_ value: UInt64) -> Int { 64 - value.leadingZeroBitCount }
}
