extension Histogram {
  /// Counts what `other` counted: the result equals the histogram of both sets of values.
  ///
  /// - Precondition: the layouts are equal.
  public mutating func merge(_ other: Histogram) {
    precondition(
      layout == other.layout, "histograms of layouts \(layout) and \(other.layout) do not merge")
    var other = other
    let common = max(exponent, other.exponent)
    widen(to: common)
    other.widen(to: common)
    for (position, count) in other.counts.enumerated() { counts[position] += count }
    zeros += other.zeros
    nans += other.nans
    positiveInfinities += other.positiveInfinities
    negativeInfinities += other.negativeInfinities
    clippedBelow += other.clippedBelow
    clippedAbove += other.clippedAbove
    if let smallest = other.minimum { minimum = min(minimum ?? smallest, smallest) }
    if let largest = other.maximum { maximum = max(maximum ?? largest, largest) }
  }

  /// A histogram that was counted elsewhere: on a device, or before it was written to a file.
  ///
  /// Returns `nil` unless the parts fit together: the number of counts, the exponent that a growing
  /// histogram of this range has, extrema exactly when there are finite values, and no value in a
  /// bin outside the extrema.
  public init?(
    layout: Layout, exponent: Int, counts: [UInt64], zeros: UInt64, nans: UInt64,
    positiveInfinities: UInt64, negativeInfinities: UInt64, clippedBelow: UInt64 = 0,
    clippedAbove: UInt64 = 0, minimum: Float?, maximum: Float?
  ) {
    guard counts.count == 2 * layout.binsPerSide, Self.exponentRange.contains(exponent) else {
      return nil
    }
    self.init(
      counted: counts, layout: layout, exponent: exponent, zeros: zeros, nans: nans,
      positiveInfinities: positiveInfinities, negativeInfinities: negativeInfinities,
      clippedBelow: clippedBelow, clippedAbove: clippedAbove, minimum: minimum, maximum: maximum)
    guard isConsistent else { return nil }
  }

  /// A histogram of parts that a kernel counted, which are not checked.
  package init(
    counted counts: [UInt64], layout: Layout, exponent: Int,
    zeros: UInt64, nans: UInt64, positiveInfinities: UInt64, negativeInfinities: UInt64,
    clippedBelow: UInt64, clippedAbove: UInt64, minimum: Float?, maximum: Float?
  ) {
    self.layout = layout
    self.exponent = exponent
    self.counts = counts
    self.zeros = zeros
    self.nans = nans
    self.positiveInfinities = positiveInfinities
    self.negativeInfinities = negativeInfinities
    self.clippedBelow = clippedBelow
    self.clippedAbove = clippedAbove
    self.minimum = minimum
    self.maximum = maximum
  }

  private var isConsistent: Bool {
    var all: UInt64 = 0
    for count in counts + [zeros, nans, positiveInfinities, negativeInfinities] {
      let (sum, overflow) = all.addingReportingOverflow(count)
      if overflow { return false }
      all = sum
    }
    guard clippedBelow <= all, clippedAbove <= all else { return false }
    let total = all - nans - positiveInfinities - negativeInfinities
    guard let minimum, let maximum else {
      return total == 0 && self.minimum == nil && self.maximum == nil
    }
    guard total > 0, minimum.isFinite, maximum.isFinite, minimum <= maximum else { return false }
    if let fixed = layout.fixedExponent {
      guard exponent == fixed else { return false }
    } else {
      let magnitude = max(minimum.magnitude, maximum.magnitude).bitPattern
      guard exponent == Self.exponent(forMagnitude: magnitude, binsPerSide: binsPerSide),
        clippedBelow == 0, clippedAbove == 0
      else { return false }
    }
    guard let first = counts.firstIndex(where: { $0 != 0 }),
      let last = counts.lastIndex(where: { $0 != 0 })
    else { return minimum == 0 && maximum == 0 }
    // The extrema are in the outermost bins, unless zero is an extremum.
    let smallestNonzero = first >= binsPerSide && zeros > 0 ? nil : minimum
    let largestNonzero = last < binsPerSide && zeros > 0 ? nil : maximum
    func lies(_ extremum: Float?, in bin: Int) -> Bool {
      guard let extremum else { return true }
      return extremum != 0 && place(of: extremum).position == bin
    }
    return lies(smallestNonzero, in: first) && lies(largestNonzero, in: last)
      && (smallestNonzero != nil || minimum == 0) && (largestNonzero != nil || maximum == 0)
  }
}
