import Glibc

/// How long something took, several times over.
public struct BenchmarkResult: Sendable {
  /// What was timed.
  public let name: String
  /// Seconds of every round.
  public var seconds: [Double]
  /// What one round does, in the unit of ``rate`` times a second.
  public var work: Double
  /// The unit of ``rate``.
  public let unit: String
  /// The rate of the device's ceiling, in the same unit.
  public var ceiling: Double?
  /// What the ceiling is of.
  public var ceilingName: String?
  /// Additions and multiplications of one round, where they are counted.
  public var operations: Double?
  /// Bytes that one round must read and write at least, where they are counted.
  public var bytes: Double?
  /// Bytes that the device reads in a second, in billions.
  public var bandwidth: Double?
  /// Whether the device has no kernel, so that the reference was timed, once.
  public var isOnReference = false

  /// How far the squared error found is above the least one, as a share of it; of searches only.
  public var excess: Excess?

  /// How far a search of many rows ends above the least squared error.
  public struct Excess: Sendable {
    /// Of the sums over all rows.
    public let mean: Double
    /// Of the worst row.
    public let worst: Double
  }

  /// The middle of the rounds.
  public var median: Double { Self.median(of: seconds) }
  /// The shortest round.
  public var best: Double { seconds.min() ?? 0 }
  /// The distance of the quartiles, as a share of the median.
  public var spread: Double {
    let sorted = seconds.sorted()
    return (sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]) / median
  }
  /// Billions of bytes a second in the median round.
  public var throughput: Double? { bytes.map { $0 * 1e-9 / median } }
  /// Work a second, in the median round.
  public var rate: Double { work / median }
  /// The throughput as a share of ``bandwidth``; above 1 where caches hold the data.
  public var bandwidthRatio: Double? {
    bandwidth.flatMap { bandwidth in throughput.map { $0 / bandwidth } }
  }
  /// The rate as a share of the ceiling's.
  public var ratioToCeiling: Double? { ceiling.map { rate / $0 } }

  static func median(of seconds: [Double]) -> Double { seconds.sorted()[seconds.count / 2] }
}

extension BenchmarkResult: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name
    case median = "median_s"
    case best = "best_s"
    case rate, unit, spread, operations, bytes
    case throughput = "gigabytes_per_s"
    case bandwidthRatio = "ratio_to_bandwidth"
    case isOnReference = "on_reference"
    case ratioToCeiling = "ratio_to_limit"
    case ceiling = "limit"
    case ceilingName = "limit_of"
    case meanExcess = "mean_excess"
    case worstExcess = "worst_excess"
  }

  /// An entry of the list that scripts read.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(median, forKey: .median)
    try container.encode(best, forKey: .best)
    try container.encode(rate, forKey: .rate)
    try container.encode(unit, forKey: .unit)
    try container.encode(spread, forKey: .spread)
    try container.encodeIfPresent(operations, forKey: .operations)
    try container.encodeIfPresent(bytes, forKey: .bytes)
    try container.encodeIfPresent(throughput, forKey: .throughput)
    try container.encodeIfPresent(bandwidthRatio, forKey: .bandwidthRatio)
    if isOnReference { try container.encode(true, forKey: .isOnReference) }
    try container.encodeIfPresent(ratioToCeiling, forKey: .ratioToCeiling)
    try container.encodeIfPresent(ceiling, forKey: .ceiling)
    try container.encodeIfPresent(ceilingName, forKey: .ceilingName)
    try container.encodeIfPresent(excess?.mean, forKey: .meanExcess)
    try container.encodeIfPresent(excess?.worst, forKey: .worstExcess)
  }
}

/// Seconds that `body` takes, on a clock that never goes back.
func seconds(_ body: () throws -> Void) rethrows -> Double {
  func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
  let start = now()
  try body()
  return now() - start
}
