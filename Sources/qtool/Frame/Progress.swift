import LowBit
import Glibc

/// Progress of a loop whose length is known: on a terminal a line with rate and time left, rewritten
/// ten times a second; elsewhere a plain line every ten seconds.
///
///     var progress = Progress("evaluate", count: dataset.count, unit: "images")
///     for ... { progress.advance(by: batch) }
///     progress.finish()
struct Progress {
  private let title: String
  private let count: Int
  private let unit: String
  private let console: Console
  private let start = now()
  private var done = 0
  private var lastShown: Double

  init(_ title: String, count: Int, unit: String, console: Console = .shared) {
    self.title = title
    self.count = count
    self.unit = unit
    self.console = console
    lastShown = start
  }

  /// Counts `amount` more as done; `detail` stands behind the line.
  mutating func advance(by amount: Int = 1, detail: @autoclosure () -> String = "") {
    done += amount
    guard console.verbosity >= .normal else { return }
    let time = Self.now()
    if console.isTerminal {
      guard time - lastShown >= 0.1 else { return }
      console.status(joined(line(at: time), detail()))
    } else {
      guard time - lastShown >= 10 else { return }
      console.note(joined("\(title): \(done) of \(count) \(unit)", detail()))
    }
    lastShown = time
  }

  /// Removes the line from the terminal; returns the seconds that the loop took.
  @discardableResult
  func finish() -> Double {
    console.clearStatus()
    return Self.now() - start
  }

  private func joined(_ line: String, _ detail: String) -> String {
    detail.isEmpty ? line : "\(line)  \(detail)"
  }

  private func line(at time: Double) -> String {
    let elapsed = max(time - start, 1e-9)
    let rate = Double(done) / elapsed
    let left = rate > 0 ? Double(count - done) / rate : 0
    let percent = count > 0 ? 100 * done / count : 100
    return
      "\(title)  \(percent) %  \(done)/\(count) \(unit)  \(formatted(rate, digits: rate < 10 ? 1 : 0))"
      + " \(unit)/s  \(Self.clock(left)) left"
  }

  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 359_999).rounded(.up))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let tail = "\(two(whole / 60 % 60)):\(two(whole % 60))"
    return whole < 3600 ? tail : "\(whole / 3600):\(tail)"
  }

  /// Seconds of the monotonic clock.
  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
