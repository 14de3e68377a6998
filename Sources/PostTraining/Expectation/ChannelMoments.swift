import Glibc

/// Means and deviations of the channels of a value.
public struct ChannelMoments: Sendable, Hashable {
  /// The mean of each channel.
  public var means: [Double]
  /// The square root of the variance of each channel.
  public var deviations: [Double]

  /// Makes moments of as many channels as there are means.
  public init(means: [Double], deviations: [Double]) {
    precondition(means.count == deviations.count, "a mean and a deviation for every channel")
    (self.means, self.deviations) = (means, deviations)
  }

  /// The moments of normally distributed numbers that are cut off at `bounds`.
  ///
  /// With `a = (lower - mean) / deviation`, `b = (upper - mean) / deviation`, the density f and the
  /// distribution F of the standard normal law, `z` cut off at a and b has
  ///
  ///     E z   = a F(a) + b (1 - F(b)) + f(a) - f(b)
  ///     E z^2 = a^2 F(a) + b^2 (1 - F(b)) + F(b) - F(a) + a f(a) - b f(b)
  ///
  /// Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV
  /// 2019, appendix C, for the mean.
  public func clipped(to bounds: ClosedRange<Double>) -> ChannelMoments {
    var result = self
    for channel in means.indices {
      let (mean, deviation) = (means[channel], deviations[channel])
      guard deviation > 0 else {
        result.means[channel] = min(max(mean, bounds.lowerBound), bounds.upperBound)
        continue
      }
      let (a, b) = (
        (bounds.lowerBound - mean) / deviation, (bounds.upperBound - mean) / deviation
      )
      let below = Tail(at: a, probability: Self.distribution(a))
      let above = Tail(at: b, probability: Self.distribution(-b))
      let first = below.first + above.first + below.density - above.density
      let inside = 1 - below.probability - above.probability
      let second =
        below.second + above.second + inside + below.densityMoment - above.densityMoment
      result.means[channel] = min(
        max(mean + deviation * first, bounds.lowerBound), bounds.upperBound)
      result.deviations[channel] = deviation * max(second - first * first, 0).squareRoot()
    }
    return result
  }

  /// The moments of all elements together, with as many of each channel.
  var pooled: ChannelMoments {
    let count = Double(max(means.count, 1))
    let mean = means.reduce(0, +) / count
    let square =
      zip(means, deviations).reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) + $1.1 * $1.1 } / count
    return ChannelMoments(means: [mean], deviations: [square.squareRoot()])
  }

  /// The chance that a standard normal number is below `z`, exact in the tail.
  private static func distribution(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }

  /// What lies beyond one bound, of standard normal numbers; nothing beyond infinity.
  private struct Tail {
    let probability: Double
    /// `z p` and `z^2 p`.
    var (first, second) = (0.0, 0.0)
    /// `f(z)` and `z f(z)`.
    var (density, densityMoment) = (0.0, 0.0)

    init(at z: Double, probability: Double) {
      self.probability = probability
      guard z.isFinite else { return }
      first = z * probability
      second = z * first
      density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
      densityMoment = z * density
    }
  }
}
