import Glibc

/// A line of numbers and its place in a drawing.
struct Axis {
  /// How numbers are spread.
  enum Spread {
    case linear
    /// By their logarithm; all numbers are above zero.
    case logarithmic
  }

  /// The least and the largest number.
  let numbers: ClosedRange<Double>
  /// Where these two stand; the second may be less, as on an axis that points upwards.
  let places: (Double, Double)
  let spread: Spread

  init(_ numbers: ClosedRange<Double>, at places: (Double, Double), _ spread: Spread = .linear) {
    precondition(spread == .linear || numbers.lowerBound > 0, "a logarithm of \(numbers)")
    self.numbers = numbers
    self.places = places
    self.spread = spread
  }

  /// The place of a number.
  func place(_ number: Double) -> Double {
    let (low, high) = (coordinate(numbers.lowerBound), coordinate(numbers.upperBound))
    guard high > low else { return (places.0 + places.1) / 2 }
    let share = (coordinate(number) - low) / (high - low)
    return places.0 + (places.1 - places.0) * share
  }

  private func coordinate(_ number: Double) -> Double {
    spread == .linear ? number : log10(max(number, .leastNormalMagnitude))
  }

  /// About `count` round numbers on the axis, with as many digits as tell them apart.
  func ticks(_ count: Int) -> [(number: Double, label: String)] {
    switch spread {
    case .linear: linearTicks(count)
    case .logarithmic: logarithmicTicks(count)
    }
  }

  private func linearTicks(_ count: Int) -> [(number: Double, label: String)] {
    let length = numbers.upperBound - numbers.lowerBound
    guard length > 0, length.isFinite else { return [] }
    let step = Self.roundStep(length / Double(max(count, 1)))
    let first = (numbers.lowerBound / step - 1e-9).rounded(.up)
    let last = (numbers.upperBound / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 100 else { return [] }
    let isPlain = step >= 1e-4 && max(abs(first), abs(last)) * step < 1e6
    let digits = max(0, -Int(floor(log10(step) + 1e-9)))
    return stride(from: first, through: last, by: 1).map { place in
      // Not -0, which would be written with its sign.
      let number = place == 0 ? 0 : place * step
      return (
        number,
        isPlain ? formatted(number, digits: digits) : formatted(number, significant: 3)
      )
    }
  }

  /// 1, 2 or 5 times a power of ten, about `step`.
  private static func roundStep(_ step: Double) -> Double {
    let power = pow(10, floor(log10(step)))
    let ratio = step / power
    return power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10)
  }

  /// `300`, `0.02`, and beyond thousands and thousandths `3 x 10^5` with raised digits.
  private static func label(_ factor: Double, _ power: Int) -> String {
    guard abs(power) > 3 else {
      return formatted(factor * pow(10, Double(power)), digits: max(0, -power))
    }
    let raised = "\(power)".map { digit in
      digit == "-" ? "\u{207b}" : String(raisedDigits[digit.wholeNumberValue ?? 0])
    }
    return (factor == 1 ? "10" : "\(Int(factor))\u{d7}10") + raised.joined()
  }

  private static let raisedDigits: [Character] = [
    "\u{2070}", "\u{b9}", "\u{b2}", "\u{b3}", "\u{2074}", "\u{2075}", "\u{2076}", "\u{2077}",
    "\u{2078}", "\u{2079}",
  ]

  private func logarithmicTicks(_ count: Int) -> [(number: Double, label: String)] {
    let (low, high) = (log10(numbers.lowerBound), log10(numbers.upperBound))
    let decades = high - low
    let factors: [Double] = decades < 1.2 ? [1, 2, 3, 5] : decades < 2.5 ? [1, 3] : [1]
    let every = max(1, Int((decades / Double(max(count, 1))).rounded(.up)))
    var ticks: [(number: Double, label: String)] = []
    for power in Int(low.rounded(.down))...Int(high.rounded(.up)) where power % every == 0 {
      for factor in factors {
        let number = factor * pow(10, Double(power))
        guard number >= numbers.lowerBound * 0.999, number <= numbers.upperBound * 1.001 else {
          continue
        }
        ticks.append((number, Self.label(factor, power)))
      }
    }
    return ticks
  }
}
