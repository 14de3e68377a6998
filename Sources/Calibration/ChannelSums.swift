/// Which dimension of a value counts channels.
public enum ChannelAxis: Sendable, Hashable {
  /// The dimension after the batch, as convolutions have it.
  case second
  /// The last dimension, as products of matrices have it.
  case last

  /// The dimension of a value that has `rank` of them.
  package func index(rank: Int) -> Int { self == .second ? 1 : rank - 1 }
}

/// Sums of channels' means over samples.
///
/// The mean of one sample is a canonical float; sums of them are kept in fixed point, in units of
/// 2^-60, so that they do not depend on order.
public struct ChannelSums: Sendable, Hashable {
  /// The sum of each channel's means, in units of 2^-60.
  public internal(set) var sums: [Int128]
  /// How many means each sum holds.
  public internal(set) var count: UInt64

  init(channels: Int) {
    sums = [Int128](repeating: 0, count: channels)
    count = 0
  }

  init(sums: [Int128], count: UInt64) {
    self.sums = sums
    self.count = count
  }

  /// The channels' means over all samples.
  public var means: [Double] {
    sums.map { count == 0 ? 0 : FixedPoint.value($0) / Double(count) }
  }

  /// Adds samples' means, channel after channel, sample after sample.
  mutating func add(_ means: [Float]) {
    for (position, mean) in means.enumerated() where mean.isFinite {
      sums[position % sums.count] += FixedPoint.integer(mean)
    }
    count += UInt64(means.count / max(sums.count, 1))
  }

  /// Whether no sum overflows.
  func canMerge(_ other: ChannelSums) -> Bool {
    !count.addingReportingOverflow(other.count).overflow
      && zip(sums, other.sums).allSatisfy { !$0.addingReportingOverflow($1).overflow }
  }

  mutating func merge(_ other: ChannelSums) {
    for position in sums.indices { sums[position] += other.sums[position] }
    count += other.count
  }
}
