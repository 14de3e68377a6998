import Glibc

/// How long something took, several times over.
struct Measurement {
  /// What was timed.
  let name: String
  /// Seconds of every round.
  var seconds: [Double]
  /// Billions of operations of one round.
  var work: Double
  /// The unit of ``rate``.
  let unit: String

  /// The middle of the rounds.
  var median: Double { seconds.sorted()[seconds.count / 2] }
  /// The shortest round.
  var best: Double { seconds.min() ?? 0 }
  /// Work a second, in the median round.
  var rate: Double { work / median }

  /// One object of the list that scripts read.
  var json: String {
    """
    {"name": "\(name)", "median_s": \(median), "best_s": \(best), "rate": \(rate), "unit": "\(unit)"}
    """
  }

  /// One line of a table.
  var line: String {
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    return name + String(repeating: " ", count: max(1, 40 - name.count))
      + padded(rounded(median * 1000), 9) + " ms" + padded(rounded(rate), 9) + " \(unit), best "
      + rounded(work / best)
  }
}

/// Seconds on a clock that never goes back.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
