import Glibc

/// How long something took, several times over.
public struct BenchmarkResult: Sendable {
  /// What was timed.
  public let name: String
  /// Seconds of every round.
  public var seconds: [Double]
  /// Billions of operations of one round.
  public var work: Double
  /// The unit of ``rate``.
  public let unit: String
  /// The rate of the device's limit, measured in the same rounds and in the same unit.
  public var limit: Double?
  /// Further numbers of the JSON object.
  public var more: [String: Double] = [:]

  /// The middle of the rounds.
  public var median: Double { seconds.sorted()[seconds.count / 2] }
  /// The shortest round.
  public var best: Double { seconds.min() ?? 0 }
  /// Work a second, in the median round.
  public var rate: Double { work / median }

  /// One object of the list that scripts read.
  public var json: String {
    var fields = [
      "\"name\": \"\(name)\"", "\"median_s\": \(median)", "\"best_s\": \(best)",
      "\"rate\": \(rate)", "\"unit\": \"\(unit)\"",
      "\"ratio_to_limit\": " + (limit.map { String(rate / $0) } ?? "null"),
    ]
    fields += more.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    return "{" + fields.joined(separator: ", ") + "}"
  }

  /// One line of a table.
  public var line: String {
    func padded(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    return name + String(repeating: " ", count: max(1, 40 - name.count))
      + padded(rounded(median * 1000), 9) + " ms" + padded(rounded(rate), 9) + " \(unit), best "
      + rounded(work / best) + (limit.map { ", \(Int(100 * rate / $0)) % of limit" } ?? "")
  }
}

/// Seconds on a clock that never goes back.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
