import Glibc

extension Histogram {
  /// The mean squared error of `quantizer` over the finite values, every bin's values taken as spread
  /// evenly over the bin; zero if there are none.
  ///
  /// Within the bins that hold the extrema, values are spread as far as the extremum. Values that a
  /// fixed layout clipped count where they were clipped to.
  public func meanSquaredError(of quantizer: Quantizer) -> Double {
    mean { quantizer.meanSquaredError(evenlyOver: $0, $1) }
  }

  /// The mean square of the finite values, spread as in ``meanSquaredError(of:)``; zero if there are none.
  public var meanSquare: Double {
    mean { lower, upper in (lower * lower + lower * upper + upper * upper) / 3 }
  }

  /// Mean squared value over ``meanSquaredError(of:)``, in decibels; infinite without error.
  public func signalToNoise(of quantizer: Quantizer) -> Double {
    let error = meanSquaredError(of: quantizer)
    return error == 0 ? .infinity : 10 * log10(meanSquare / error)
  }

  /// The mean of what `measure` says of the values that are spread from one number to another, bin by
  /// bin; exact zeros count as 0.
  private func mean(_ measure: (Double, Double) -> Double) -> Double {
    let total = finiteCount
    guard total > 0, let minimum, let maximum else { return 0 }
    var sum = 0.0
    for (position, count) in counts.enumerated() where count != 0 {
      let bounds = bounds(ofBin: position)
      let lower = max(bounds.lower, min(Double(minimum), bounds.upper))
      let upper = min(bounds.upper, max(Double(maximum), bounds.lower))
      sum += Double(count) * measure(lower, upper)
    }
    return sum / Double(total)
  }

  /// The number of finite values that lie beyond `range`, of a bin that it divides the part beyond.
  public func count(beyond range: ClosedRange<Double>) -> Double {
    var sum = 0.0
    for (position, count) in counts.enumerated() where count != 0 {
      let bounds = bounds(ofBin: position)
      let lower = max(bounds.lower, min(Double(minimum ?? 0), bounds.upper))
      let upper = min(bounds.upper, max(Double(maximum ?? 0), bounds.lower))
      let within = max(min(upper, range.upperBound) - max(lower, range.lowerBound), 0)
      let share =
        upper > lower ? within / (upper - lower) : range.contains(lower) ? 1 : 0
      sum += Double(count) * (1 - share)
    }
    return sum
  }

  /// Whether all finite values are one, which the extrema then tell exactly.
  var isConstant: Bool { minimum == maximum }
}

extension Quantizer {
  /// The mean squared error over the interval from `lower` to `upper`.
  func meanSquaredError(evenlyOver lower: Double, _ upper: Double) -> Double {
    let scale = Double(self.scale)
    func steps(_ x: Double) -> Double {
      let highest = Double(levels - 1 - zeroPoint)
      return min(max((x / scale).rounded(.toNearestOrEven), Double(-zeroPoint)), highest)
    }
    guard upper > lower else {
      let difference = lower - steps(lower) * scale
      return difference * difference
    }
    var sum = 0.0
    var from = lower
    var code = steps(lower)
    let last = steps(upper)
    while true {
      let to = code < last ? min((code + 0.5) * scale, upper) : upper
      let (a, b) = (from - code * scale, to - code * scale)
      sum += (b - a) * (a * a + a * b + b * b) / 3
      guard code < last else { break }
      from = to
      code += 1
    }
    return sum / (upper - lower)
  }
}
