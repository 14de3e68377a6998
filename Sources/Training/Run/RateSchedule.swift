import Glibc

/// The learning rate of every step.
public struct RateSchedule: Sendable, Hashable {
  /// How the rate falls after the warm-up.
  public enum Course: Sendable, Hashable {
    /// Not at all.
    case constant
    /// By `factor` at each of these parts of all steps, 0 to 1.
    case step(at: [Double], factor: Double)
    /// As half a cosine, to 0: Loshchilov and Hutter, "SGDR", 2017, equation 5 without restarts.
    case cosine
  }

  /// The highest rate.
  public var peak: Double
  /// How it falls.
  public var course: Course
  /// Steps in which it rises evenly to the peak.
  public var warmup: Int

  /// Makes a schedule.
  public init(peak: Double, course: Course = .cosine, warmup: Int = 0) {
    precondition(peak >= 0 && warmup >= 0, "a rate of \(peak) after \(warmup) steps")
    self.peak = peak
    self.course = course
    self.warmup = warmup
  }

  /// The rate of step `step` of `count`, counted from 0.
  public func rate(at step: Int, of count: Int) -> Float {
    if step < warmup { return Float(peak * Double(step + 1) / Double(warmup)) }
    let part = Double(step - warmup) / Double(max(count - warmup, 1))
    switch course {
    case .constant: return Float(peak)
    case .step(let places, let factor):
      return Float(places.reduce(peak) { part >= $1 ? $0 * factor : $0 })
    case .cosine: return Float(peak * (1 + cos(Double.pi * min(part, 1))) / 2)
    }
  }
}
