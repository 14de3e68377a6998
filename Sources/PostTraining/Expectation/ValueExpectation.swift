import Calibration

/// What is expected of a value without running data: for every channel an interval, and where they
/// are known its mean and its deviation.
public struct ValueExpectation: Sendable, Hashable {
  /// The dimension of the channels; `nil` where one entry stands for all elements.
  var axis: ChannelAxis?
  /// Whether a channel has several elements along its dimension, one after the other.
  var isFlattened = false
  /// The ends of the intervals.
  var lower: [Double]
  var upper: [Double]
  var moments: ChannelMoments?

  /// How many deviations from the mean elements lie, as Nagel et al. take it (ICCV 2019, section 5).
  public static let usualReach = 6.0

  /// The interval of all channels.
  public var range: ClosedRange<Double> {
    (lower.min() ?? 0)...(upper.max() ?? 0)
  }

  /// Whether every end is a number; what a constant that is none has led to is unknown.
  var isKnown: Bool { !(lower + upper).contains(where: \.isNaN) }

  /// All elements lie in `range`.
  init(range: ClosedRange<Double>) {
    (lower, upper) = ([range.lowerBound], [range.upperBound])
  }

  /// Channels with these moments, and intervals of `reach` deviations about the mean.
  init(_ moments: ChannelMoments, axis: ChannelAxis?, reach: Double = usualReach) {
    (self.axis, self.moments) = (axis, moments)
    lower = zip(moments.means, moments.deviations).map { $0 - reach * $1 }
    upper = zip(moments.means, moments.deviations).map { $0 + reach * $1 }
  }

  /// Channels within intervals.
  init(
    axis: ChannelAxis?, isFlattened: Bool = false, lower: [Double], upper: [Double],
    moments: ChannelMoments?
  ) {
    (self.axis, self.isFlattened, self.moments) = (axis, isFlattened, moments)
    (self.lower, self.upper) = (lower, upper)
  }

  /// One entry for all elements.
  var pooled: ValueExpectation {
    guard axis != nil else { return self }
    return ValueExpectation(
      axis: nil, lower: [range.lowerBound], upper: [range.upperBound], moments: moments?.pooled)
  }

  /// The same with intervals that hold `value`, too.
  func containing(_ value: Double) -> ValueExpectation {
    var result = self
    result.lower = lower.map { min($0, value) }
    result.upper = upper.map { max($0, value) }
    return result
  }

  /// The same without moments.
  var withoutMoments: ValueExpectation {
    var result = self
    result.moments = nil
    return result
  }

  /// The entry of element `place` of the channels' dimension, which has `extent` of them; `nil` where
  /// that does not fit.
  func entry(of place: Int, extent: Int) -> Int? {
    guard axis != nil else { return 0 }
    guard isFlattened ? extent.isMultiple(of: lower.count) : extent == lower.count else {
      return nil
    }
    return place / (extent / lower.count)
  }
}
