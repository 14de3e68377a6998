import Glibc

extension ValueExpectation {
  /// Cut off at `bounds`.
  func clipped(to bounds: ClosedRange<Double>) -> ValueExpectation {
    mapped(moments?.clipped(to: bounds)) {
      min(max($0, bounds.lowerBound), bounds.upperBound)
    }
  }

  /// Each channel cut off at bounds of its own.
  func clipped(to bounds: [ClosedRange<Double>]) -> ValueExpectation {
    var result = self
    for (channel, bounds) in bounds.enumerated() {
      result.lower[channel] = min(max(lower[channel], bounds.lowerBound), bounds.upperBound)
      result.upper[channel] = min(max(upper[channel], bounds.lowerBound), bounds.upperBound)
      guard let moments else { continue }
      let own = ChannelMoments(
        means: [moments.means[channel]], deviations: [moments.deviations[channel]]
      ).clipped(to: bounds)
      result.moments?.means[channel] = own.means[0]
      result.moments?.deviations[channel] = own.deviations[0]
    }
    return result
  }

  /// Negative numbers are multiplied by the channel's slope, which is not negative.
  func rectified(slopes: [Double]) -> ValueExpectation {
    // x = p + n with p = max(x, 0) and n = min(x, 0), of which one is 0: E p n = 0.
    let moments = moments.map { moments in
      let (p, n) = (
        moments.clipped(to: 0...Double.infinity), moments.clipped(to: -Double.infinity...0)
      )
      let means = slopes.indices.map { p.means[$0] + slopes[$0] * n.means[$0] }
      let deviations = means.indices.map { channel in
        let (a, b) = (p.deviations[channel], slopes[channel] * n.deviations[channel])
        let covariance = -p.means[channel] * slopes[channel] * n.means[channel]
        return max(a * a + b * b + 2 * covariance, 0).squareRoot()
      }
      return ChannelMoments(means: means, deviations: deviations)
    }
    func rectified(_ ends: [Double]) -> [Double] {
      zip(ends, slopes).map { $0 < 0 ? $0 * $1 : $0 }
    }
    return ValueExpectation(
      axis: axis, isFlattened: isFlattened, lower: rectified(lower), upper: rectified(upper),
      moments: moments)
  }

  /// What a function that does not fall makes of the intervals.
  func mapped(
    _ moments: ChannelMoments? = nil, _ function: (Double) -> Double
  ) -> ValueExpectation {
    ValueExpectation(
      axis: axis, isFlattened: isFlattened, lower: lower.map(function), upper: upper.map(function),
      moments: moments)
  }

  /// Sums of elements of two values. Unless they are the same, they are taken as independent: what one
  /// reaches beyond its mean and what the other does add up as deviations do.
  func plus(_ other: ValueExpectation, isSame: Bool) -> ValueExpectation {
    combined(
      other,
      intervals: { a, b in
        guard !isSame, let meanA = a.mean, let meanB = b.mean else {
          return (a.lower + b.lower, a.upper + b.upper)
        }
        let mean = meanA + meanB
        return (
          mean - hypot(meanA - a.lower, meanB - b.lower),
          mean + hypot(a.upper - meanA, b.upper - meanB)
        )
      },
      moments: { a, b in
        let deviation = isSame ? a.deviation + b.deviation : hypot(a.deviation, b.deviation)
        return (a.mean + b.mean, deviation)
      })
  }

  /// Multiplied by -1.
  var negated: ValueExpectation {
    var result = self
    (result.lower, result.upper) = (upper.map { -$0 }, lower.map { -$0 })
    result.moments?.means = moments?.means.map { -$0 } ?? []
    return result
  }

  /// Products of elements of two values, taken as independent of each other.
  func times(_ other: ValueExpectation) -> ValueExpectation {
    combined(
      other,
      intervals: { a, b in
        let products = [
          a.lower * b.lower, a.lower * b.upper, a.upper * b.lower, a.upper * b.upper,
        ]
        return (products.min() ?? 0, products.max() ?? 0)
      },
      moments: { a, b in
        let both = a.deviation * b.deviation
        let sides = hypot(a.mean * b.deviation, b.mean * a.deviation)
        return (a.mean * b.mean, hypot(both, sides))
      })
  }

  private typealias Interval = (lower: Double, upper: Double, mean: Double?)

  /// Both channel by channel where their channels are the same, else for all elements.
  private func combined(
    _ other: ValueExpectation,
    intervals: (Interval, Interval) -> (Double, Double),
    moments combine: (
      (mean: Double, deviation: Double), (mean: Double, deviation: Double)
    ) -> (Double, Double)
  ) -> ValueExpectation {
    let fits =
      axis == other.axis && lower.count == other.lower.count
      && isFlattened == other.isFlattened
    // What has one entry goes with every channel.
    guard fits || axis == nil || other.axis == nil else {
      return pooled.combined(other.pooled, intervals: intervals, moments: combine)
    }
    let shape = axis == nil ? other : self
    func entry(_ value: ValueExpectation, _ channel: Int) -> Int { value.axis == nil ? 0 : channel }
    let ends = shape.lower.indices.map { channel in
      let (a, b) = (entry(self, channel), entry(other, channel))
      return intervals(
        (lower[a], upper[a], moments?.means[a]),
        (other.lower[b], other.upper[b], other.moments?.means[b]))
    }
    var combined: ChannelMoments?
    if let own = moments, let others = other.moments {
      let pairs = shape.lower.indices.map { channel in
        let (a, b) = (entry(self, channel), entry(other, channel))
        return combine(
          (own.means[a], own.deviations[a]), (others.means[b], others.deviations[b]))
      }
      combined = ChannelMoments(means: pairs.map(\.0), deviations: pairs.map(\.1))
    }
    return ValueExpectation(
      axis: shape.axis, isFlattened: shape.isFlattened, lower: ends.map(\.0), upper: ends.map(\.1),
      moments: combined)
  }
}
