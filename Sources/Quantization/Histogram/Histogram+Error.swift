import Glibc

extension Histogram {
  /// The mean squared error of `quantizer` over the finite values, every bin's values taken as spread
  /// evenly over the bin; zero if there are none.
  ///
  /// Within the bins that hold the extrema, values are spread as far as the extremum. Values that a
  /// fixed layout clipped count where they were clipped to.
  public func meanSquaredError(of quantizer: Quantizer) -> Double {
    let total = finiteCount
    guard total > 0, let minimum, let maximum else { return 0 }
    var sum = 0.0
    for (position, count) in counts.enumerated() where count != 0 {
      let bounds = bounds(ofBin: position)
      let lower = max(bounds.lower, min(Double(minimum), bounds.upper))
      let upper = min(bounds.upper, max(Double(maximum), bounds.lower))
      sum += Double(count) * quantizer.meanSquaredError(evenlyOver: lower, upper)
    }
    return sum / Double(total)
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
