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
  /// Work a second, in the median round.
  public var rate: Double { work / median }
  /// The rate as a share of the ceiling's.
  public var ratioToCeiling: Double? { ceiling.map { rate / $0 } }

  static func median(of seconds: [Double]) -> Double { seconds.sorted()[seconds.count / 2] }
}

extension BenchmarkResult: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name
    case median = "median_s"
    case best = "best_s"
    case rate, unit
    case ratioToCeiling = "ratio_to_limit"
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
    try container.encodeIfPresent(ratioToCeiling, forKey: .ratioToCeiling)
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
