import Glibc

extension Histogram {
  /// The range that holds the middle `percent` percent of the finite values: as many values are left
  /// out at either end, rounded down, at most. Within a bin the ends are interpolated; they are within
  /// the extrema.
  public func range(ofPercentile percent: Double) -> ClosedRange<Float> {
    guard let binned = binnedRange else { return 0...0 }
    let outside = UInt64((Double(finiteCount) * (100 - percent) / 200).rounded(.down))
    guard outside > 0 else { return binned }
    let lower = Float(value(after: outside))
    // Counted from the other end by the mirrored histogram.
    let upper = -Float(mirrored.value(after: outside))
    func clamp(_ value: Float) -> Float { min(max(value, binned.lowerBound), binned.upperBound) }
    return clamp(min(lower, upper))...clamp(max(lower, upper))
  }

  /// The value below which `rank` of the finite values lie.
  private func value(after rank: UInt64) -> Double {
    var passed: UInt64 = 0
    for (position, count) in counts.enumerated() {
      if position == binsPerSide {
        passed += zeros
        if passed > rank { return 0 }
      }
      guard passed + count <= rank else {
        let bounds = bounds(ofBin: position)
        return bounds.lower + binWidth * Double(rank - passed) / Double(count)
      }
      passed += count
    }
    return bounds(ofBin: counts.count - 1).upper
  }

  /// The bins and extrema of the negated values.
  private var mirrored: Histogram {
    var mirrored = self
    mirrored.counts.reverse()
    mirrored.minimum = maximum.map { 0 - $0 }
    mirrored.maximum = minimum.map { 0 - $0 }
    return mirrored
  }
}
