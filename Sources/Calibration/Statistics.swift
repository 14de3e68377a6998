public import Quantization

/// What calibration has seen of a model's values.
///
/// Histograms merge exactly and do not depend on batches or order, so statistics of parts of the data
/// merge into those of the whole.
public struct Statistics: Sendable, Hashable {
  /// SHA-256 of the model's file, 32 bytes: statistics of one model say nothing about another.
  public var modelDigest: [UInt8]

  /// The data that were seen, in a settled order.
  public var sources: [Source]

  /// What was seen of each value, by name.
  public var tensors: [String: TensorStatistics]

  /// Data that were seen.
  public struct Source: Sendable, Hashable, CustomStringConvertible {
    /// The specification of the data.
    public var data: String
    /// Which part of the data: `shard` of `shardCount`, from 0.
    public var shard: Int
    /// The number of parts.
    public var shardCount: Int
    /// Samples seen.
    public var sampleCount: Int

    /// Describes data.
    public init(data: String, shard: Int = 0, shardCount: Int = 1, sampleCount: Int) {
      self.data = data
      self.shard = shard
      self.shardCount = shardCount
      self.sampleCount = sampleCount
    }

    /// The data, and which part of them where it is not the whole.
    public var description: String { shardCount == 1 ? data : "\(part) of \(data)" }

    fileprivate var part: String {
      shardCount == 1 ? "the whole" : "part \(shard + 1) of \(shardCount)"
    }

    /// Whether a sample may be in both: sample `i` is in the part `i % shardCount`.
    fileprivate func overlaps(_ other: Source) -> Bool {
      var (divisor, rest) = (shardCount, other.shardCount)
      while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
      return data == other.data && shard % divisor == other.shard % divisor
    }

    /// The sources in a settled order, with the whole in place of all parts of the same data.
    fileprivate static func joined(_ sources: [Source]) -> [Source] {
      let groups = Dictionary(grouping: sources) { [$0.data, "\($0.shardCount)"] }
      return groups.values.flatMap { parts in
        guard let first = parts.first, parts.count == first.shardCount else { return parts }
        let count = parts.reduce(0) { $0 + $1.sampleCount }
        return [Source(data: first.data, sampleCount: count)]
      }.sorted { ($0.data, $0.shardCount, $0.shard) < ($1.data, $1.shardCount, $1.shard) }
    }
  }

  /// Makes statistics.
  public init(
    modelDigest: [UInt8], sources: [Source], tensors: [String: TensorStatistics]
  ) {
    precondition(modelDigest.count == 32, "a SHA-256 has 32 bytes, not \(modelDigest.count)")
    self.modelDigest = modelDigest
    self.sources = sources
    self.tensors = tensors
  }

  /// Samples seen.
  public var sampleCount: Int { sources.reduce(0) { $0 + $1.sampleCount } }

  /// Statistics of the data of both.
  ///
  /// - Throws: ``CalibrationError`` when the models or the tensors differ, or when the same part of
  ///   the same data is in both.
  public mutating func merge(_ other: Statistics) throws(CalibrationError) {
    guard modelDigest == other.modelDigest else {
      throw CalibrationError("the statistics are of different models and do not merge")
    }
    guard Set(tensors.keys) == Set(other.tensors.keys) else {
      let different = Set(tensors.keys).symmetricDifference(other.tensors.keys).min() ?? ""
      throw CalibrationError("only one of the statistics has the tensor '\(different)'")
    }
    for source in other.sources {
      if let own = sources.first(where: source.overlaps) {
        throw CalibrationError(
          "\(own.part) and \(source.part) of '\(source.data)' have samples in common: they would "
            + "count twice")
      }
    }
    for (name, tensor) in other.tensors {
      guard tensors[name]?.histogram.layout == tensor.histogram.layout else {
        throw CalibrationError("the histograms of '\(name)' have different layouts")
      }
      guard tensors[name]?.channels?.sums.count == tensor.channels?.sums.count else {
        throw CalibrationError("'\(name)' has another number of channels in each of the statistics")
      }
      guard tensors[name]?.patches.keys == tensor.patches.keys,
        tensor.patches.allSatisfy({ tensors[name]?.patches[$0]?.layout == $1.layout })
      else {
        throw CalibrationError(
          "the moments of patches of '\(name)' are of different layers in each of the statistics")
      }
      guard tensors[name]?.canMerge(tensor) == true else {
        throw CalibrationError("the counts of '\(name)' are too large to be added")
      }
      tensors[name]?.merge(tensor)
    }
    sources = Source.joined(sources + other.sources)
  }

  /// Checks that the statistics were made with the model of this digest.
  ///
  /// - Throws: ``CalibrationError`` when they were not.
  public func check(modelDigest digest: [UInt8]) throws(CalibrationError) {
    guard digest == modelDigest else {
      throw CalibrationError("the statistics were made with another model (its SHA-256 differs)")
    }
  }
}

/// What was seen of one value.
public struct TensorStatistics: Sendable, Hashable {
  /// How its elements are distributed.
  public var histogram: Histogram
  /// Elements seen, NaN and infinities included.
  public var elementCount: UInt64
  /// The channels' means, where they were asked for.
  public var channels: ChannelSums?
  /// Moments of the patches that layers meet, where they were asked for.
  public var patches: [PatchGeometry: PatchMoments] = [:]

  /// Statistics of no elements.
  public init(layout: Histogram.Layout = .growing()) {
    histogram = Histogram(layout: layout)
    elementCount = 0
  }

  init(
    histogram: Histogram, elementCount: UInt64, channels: ChannelSums?,
    patches: [PatchGeometry: PatchMoments]
  ) {
    self.histogram = histogram
    self.elementCount = elementCount
    self.channels = channels
    self.patches = patches
  }

  /// Adds what was seen in one run.
  mutating func add(_ other: Histogram, elementCount count: Int) {
    histogram.merge(other)
    elementCount += UInt64(count)
  }

  /// Whether no sum of counts overflows; every count of a histogram is at most ``elementCount``.
  func canMerge(_ other: TensorStatistics) -> Bool {
    !elementCount.addingReportingOverflow(other.elementCount).overflow
      && channels.map { own in other.channels.map(own.canMerge) ?? true } ?? true
      && patches.allSatisfy { other.patches[$0].map($1.canMerge) ?? true }
  }

  mutating func merge(_ other: TensorStatistics) {
    histogram.merge(other.histogram)
    elementCount += other.elementCount
    if let more = other.channels, channels?.merge(more) == nil { channels = more }
    patches.merge(other.patches) { own, more in
      var sum = own
      sum.merge(more)
      return sum
    }
  }
}
