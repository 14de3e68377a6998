/// How often values fall into bins of equal, power-of-two width.
///
/// A bin is `2^exponent` wide and bins are aligned at zero, by magnitude on both sides:
///
///     (1)  i(x)        = trunc(|x| * 2^-exponent)          0 <= i < binsPerSide
///     (2)  position(x) = binsPerSide + i(x)                x > 0
///                        binsPerSide - 1 - i(x)            x < 0
///
/// The multiplication is exact, so equation (1) has one answer on every device. Exact zeros of either
/// sign, NaN and infinities are counted apart and are in no bin.
///
/// A growing histogram has the smallest exponent with `|x| < binsPerSide * 2^exponent` for all its
/// finite values: it is set by the largest magnitude alone. When a larger one comes, bins merge in
/// pairs, `i >> 1`, which gives what counting with the wider bins would have given. The state
/// therefore depends on the set of values and not on batches, order or device, and two histograms
/// merge exactly. At least half of the bins of one side lie within the range of the data.
public struct Histogram: Sendable, Hashable {
  /// The number and the placement of bins.
  public let layout: Layout

  /// A bin is `2^exponent` wide.
  public internal(set) var exponent: Int

  /// Number of values in every bin, from the most negative bin to the most positive;
  /// `2 * binsPerSide` of them.
  public internal(set) var counts: [UInt64]

  /// Number of exact zeros, positive or negative.
  public internal(set) var zeros: UInt64 = 0

  /// Number of NaN.
  public internal(set) var nans: UInt64 = 0

  /// Number of values that are plus infinity.
  public internal(set) var positiveInfinities: UInt64 = 0

  /// Number of values that are minus infinity.
  public internal(set) var negativeInfinities: UInt64 = 0

  /// Number of finite values below the range of a fixed layout, counted in its first bin.
  public internal(set) var clippedBelow: UInt64 = 0

  /// Number of finite values above the range of a fixed layout, counted in its last bin.
  public internal(set) var clippedAbove: UInt64 = 0

  /// The smallest finite value, exact; `nil` without finite values. Zero is `0.0`, never `-0.0`.
  public internal(set) var minimum: Float?

  /// The largest finite value, exact; `nil` without finite values. Zero is `0.0`, never `-0.0`.
  public internal(set) var maximum: Float?

  /// An empty histogram.
  public init(layout: Layout = .growing()) {
    self.layout = layout
    exponent = layout.fixedExponent ?? Self.exponentRange.lowerBound
    counts = [UInt64](repeating: 0, count: 2 * layout.binsPerSide)
  }
}

extension Histogram {
  /// The number and the placement of a histogram's bins.
  public enum Layout: Sendable, Hashable {
    /// Bins that widen until the largest magnitude fits.
    case growing(binsPerSide: Int = Histogram.defaultBinsPerSide)
    /// Bins of a width given beforehand. Finite values outside count in the first and the last bin
    /// and are reported as clipped.
    case fixed(exponent: Int, binsPerSide: Int = Histogram.defaultBinsPerSide)

    /// The layout of a fixed width whose bins reach at least to `magnitude` on both sides.
    public static func fixed(
      reaching magnitude: Float, binsPerSide: Int = Histogram.defaultBinsPerSide
    ) -> Layout {
      .fixed(
        exponent: Histogram.exponent(
          forMagnitude: magnitude.magnitude.bitPattern, binsPerSide: binsPerSide),
        binsPerSide: binsPerSide)
    }

    /// Bins on each side of zero: a power of two in ``Histogram/binsPerSideRange``.
    public var binsPerSide: Int {
      switch self {
      case .growing(let bins), .fixed(_, let bins):
        precondition(
          Histogram.binsPerSideRange.contains(bins) && bins & (bins - 1) == 0,
          "\(bins) bins a side: not a power of two in \(Histogram.binsPerSideRange)")
        return bins
      }
    }

    /// The exponent of the bin width where it is given.
    public var fixedExponent: Int? {
      guard case .fixed(let exponent, _) = self else { return nil }
      precondition(Histogram.exponentRange.contains(exponent), "bin width 2^\(exponent)")
      return exponent
    }
  }

  /// Bins a side unless another number is asked for. At least half of them are in use, and 2048
  /// bins are enough for the least-squares search (see <doc:Histograms>).
  public static let defaultBinsPerSide = 4096

  /// Numbers of bins a side that are supported.
  public static let binsPerSideRange = 16...65536

  /// Exponents of bin widths. With the narrowest width every denormal is in the first bin of its
  /// side, so that devices that flush denormals count alike; with the widest, 16 bins a side hold
  /// every float.
  public static let exponentRange = -126...124

  /// The smallest exponent with which `binsPerSide` bins hold a magnitude, given by its bits.
  public static func exponent(forMagnitude bits: UInt32, binsPerSide: Int) -> Int {
    let exponentPlusOne = Int(bits >> 23) - 126
    let doublings = binsPerSide.trailingZeroBitCount
    return max(exponentPlusOne - doublings, exponentRange.lowerBound)
  }
}

// MARK: - Summary

extension Histogram {
  /// Bins on each side of zero.
  public var binsPerSide: Int { counts.count / 2 }

  /// The width of a bin.
  public var binWidth: Double { Double(sign: .plus, exponent: exponent, significand: 1) }

  /// Number of infinities of both signs.
  public var infinities: UInt64 { positiveInfinities + negativeInfinities }

  /// Number of finite values.
  public var finiteCount: UInt64 { counts.reduce(zeros, +) }

  /// Number of all values, NaN and infinities included.
  public var count: UInt64 { finiteCount + nans + infinities }

  /// The values that the bin at `position` of ``counts`` holds lie between these; the bound nearer to
  /// zero belongs to the bin, the other does not. Zero itself is in no bin.
  public func bounds(ofBin position: Int) -> (lower: Double, upper: Double) {
    precondition(counts.indices.contains(position), "bin \(position) of \(counts.count)")
    let steps = Double(position - binsPerSide)
    return (steps * binWidth, (steps + 1) * binWidth)
  }
}
