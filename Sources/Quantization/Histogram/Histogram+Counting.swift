extension Histogram {
  /// A histogram of `values`.
  public init(_ values: some Sequence<Float>, layout: Layout = .growing()) {
    self.init(layout: layout)
    add(contentsOf: values)
  }

  /// Counts `values`.
  public mutating func add(contentsOf values: some Sequence<Float>) {
    for value in values { add(value) }
  }

  /// Counts `value`.
  public mutating func add(_ value: Float) {
    guard value.isFinite else {
      if value.isNaN {
        nans += 1
      } else if value > 0 {
        positiveInfinities += 1
      } else {
        negativeInfinities += 1
      }
      return
    }
    // Adding zero turns -0.0 into 0.0.
    minimum = min(minimum ?? value, value) + 0
    maximum = max(maximum ?? value, value) + 0
    guard value != 0 else {
      zeros += 1
      return
    }
    if layout.fixedExponent == nil {
      let needed = Self.exponent(
        forMagnitude: value.magnitude.bitPattern, binsPerSide: binsPerSide)
      if needed > exponent { widen(to: needed) }
    }
    let (position, isClipped) = place(of: value)
    counts[position] += 1
    if isClipped {
      if value < 0 { clippedBelow += 1 } else { clippedAbove += 1 }
    }
  }

  /// Equations (1) and (2): the place in ``counts`` of a finite value other than zero, and whether the
  /// value lies outside the bins and was moved to the nearest.
  func place(of value: Float) -> (position: Int, isClipped: Bool) {
    let steps = value.magnitude * Float(sign: .plus, exponent: -exponent, significand: 1)
    let isClipped = steps >= Float(binsPerSide)
    let bin = isClipped ? binsPerSide - 1 : Int(steps)
    return (value < 0 ? binsPerSide - 1 - bin : binsPerSide + bin, isClipped)
  }

  /// Merges neighbouring bins until they are `2^wider` wide.
  mutating func widen(to wider: Int) {
    precondition(wider >= exponent)
    let shift = wider - exponent
    exponent = wider
    guard shift > 0 else { return }
    var merged = [UInt64](repeating: 0, count: counts.count)
    for (position, count) in counts.enumerated() where count != 0 {
      // An arithmetic shift: -1 - i becomes -1 - (i >> shift).
      merged[((position - binsPerSide) >> min(shift, 32)) + binsPerSide] += count
    }
    counts = merged
  }
}
