import OpenCLBackend

/// What entries are timed with: a device, what is asked for, and what the device can do at most.
struct BenchmarkRun {
  let backend: OpenCLBackend
  let settings: BenchmarkSettings
  let ceilings: Ceilings

  /// Times `work`, which waits for the device, and `ceiling` in turns, after a first call of the
  /// latter: seconds of every round, and the median of what `ceiling` gave.
  func turns(
    rounds: Int? = nil, _ work: () throws -> Void, beside ceiling: () throws -> Double
  ) rethrows -> (seconds: [Double], ceiling: Double) {
    _ = try ceiling()
    var times: [Double] = []
    var limits: [Double] = []
    for _ in 0..<(rounds ?? settings.rounds) {
      times.append(try seconds(work))
      limits.append(try ceiling())
    }
    return (times, BenchmarkResult.median(of: limits))
  }

  /// Times what goes through memory: `work`, which moves `bytes` bytes, beside the seconds that
  /// `reading` them takes.
  func stream(
    _ name: String, bytes: Int, work amount: Double, _ unit: String, _ work: () throws -> Void,
    reading: () throws -> Double
  ) rethrows -> BenchmarkResult {
    let turns = try turns(work, beside: reading)
    var result = BenchmarkResult(name: name, seconds: turns.seconds, work: amount, unit: unit)
    result.bytes = Double(bytes)
    result.ceiling = amount / turns.ceiling
    result.ceilingName = "reading"
    result.bandwidth = ceilings.bandwidth
    return result
  }
}
