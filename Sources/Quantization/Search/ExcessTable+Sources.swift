extension ExcessTable {
  /// Bits of a threshold that a table may need; limits the grid's step from below.
  static let mostThresholdBits = 30

  /// Values of a table of a histogram; more are scaled down.
  static let mostHistogramValues: UInt64 = 1 << 30

  /// The grid and the table of a histogram; `nil` where ``ScaleGrid`` has none.
  package static func make(
    from histogram: Histogram, levels: Int, scheme: Scheme
  ) -> (grid: ScaleGrid, table: ExcessTable)? {
    guard let range = histogram.binnedRange,
      let grid = ScaleGrid(
        minimum: range.lowerBound, maximum: range.upperBound, levels: levels, scheme: scheme,
        coarsest: histogram.exponent + 1 - mostThresholdBits)
    else { return nil }
    let bins = histogram.binsPerSide
    let total = histogram.counts.reduce(0, +)
    let excessBits = bitCount(total) - bitCount(mostHistogramValues - 1)
    // Rounded up, so that a single value far out is not lost; it may then count more than its share.
    let shift = UInt64(max(excessBits + 1, 0))
    let thresholdBits = histogram.exponent - grid.exponent + 1
    let most = mostTickBits(
      count: (total >> shift) + UInt64(shift == 0 ? 0 : 2 * bins), bins: bins, levels: levels)
    let tickBits = max(min(most, thresholdBits), 0)
    let table = ExcessTable(
      bins: bins, thresholdBits: thresholdBits, tickBits: tickBits, isSpread: true
    ) { position in
      let source = position < bins ? bins + position : 2 * bins - 1 - position
      let count = (histogram.counts[source] + (1 << shift - 1)) >> shift
      return (UInt32(count), (Int64(count) << Int64(tickBits)) / 2)
    }
    return (grid, table)
  }

  /// Bins a side of a row's table: enough that a quantizer's step spans several, and that bins of a
  /// few thousand values hold one or two where many levels make the error ragged.
  package static func binsPerSide(levels: Int) -> Int {
    levels <= 32 ? 1 << 11 : levels <= 1024 ? 1 << 12 : 1 << 16
  }

  /// Bits of a row's ticks at most; the sums of a bin's distances must also fit 32 bits.
  package static func mostTickBits(rowLength: Int, levels: Int) -> Int {
    min(
      mostTickBits(
        count: UInt64(rowLength), bins: binsPerSide(levels: levels), levels: levels),
      32 - bitCount(UInt64(rowLength)))
  }

  /// The units of a row's table.
  package static func bits(
    rowLength: Int, range: ClosedRange<Float>, grid: ScaleGrid
  ) -> (ticks: Int, thresholds: Int) {
    let bins = binsPerSide(levels: grid.levels)
    let magnitude = max(-range.lowerBound, range.upperBound)
    let widthExponent = Int(magnitude.exponent) + 1 - bins.trailingZeroBitCount
    let thresholds = widthExponent - grid.exponent + 1
    return (
      max(min(mostTickBits(rowLength: rowLength, levels: grid.levels), thresholds), 0), thresholds
    )
  }

  /// The grid and the table of values; `nil` where ``ScaleGrid`` has none. Values that are not finite
  /// are left out.
  package static func make(
    from values: UnsafeBufferPointer<Float>, range: ClosedRange<Float>, levels: Int, scheme: Scheme
  ) -> (grid: ScaleGrid, table: ExcessTable, squares: UInt128)? {
    guard
      let grid = ScaleGrid(
        minimum: range.lowerBound, maximum: range.upperBound, levels: levels, scheme: scheme)
    else { return nil }
    let bins = binsPerSide(levels: levels)
    let (tickBits, thresholdBits) = bits(rowLength: values.count, range: range, grid: grid)
    let width = thresholdBits + grid.exponent - 1
    let perTick = Float(sign: .plus, exponent: tickBits - width, significand: 1)
    var contents = [(count: UInt32, remainders: Int64)](repeating: (0, 0), count: 2 * bins)
    var squares: UInt128 = 0
    for value in values where value.isFinite {
      let ticks = Int(value.magnitude * perTick)
      let position = (value < 0 ? bins : 0) + ticks >> tickBits
      guard value != 0 else { continue }
      contents[position].count += 1
      contents[position].remainders += Int64(ticks & (1 << tickBits - 1))
      squares += UInt128(ticks * ticks)
    }
    let table = ExcessTable(
      bins: bins, thresholdBits: thresholdBits, tickBits: tickBits, isSpread: false
    ) { contents[$0] }
    return (grid, table, squares)
  }
}

extension Histogram {
  /// The range of the finite values as far as the bins of the histogram reach.
  var binnedRange: ClosedRange<Float>? {
    guard let minimum, let maximum else { return nil }
    // Both factors are powers of two; the product is infinite if no float is outside.
    let reach = Float(binsPerSide) * Float(sign: .plus, exponent: exponent, significand: 1)
    return min(max(minimum, -reach), reach)...min(max(maximum, -reach), reach)
  }
}
