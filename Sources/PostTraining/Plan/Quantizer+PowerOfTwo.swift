import Glibc
import Quantization

extension Quantizer {
  /// The quantizer with one of the two powers of two around the scale, whichever has the smaller mean
  /// squared error on `histogram`; the zero point keeps the same share of the range.
  func withPowerOfTwoScale(for histogram: Histogram) -> Quantizer {
    powersOfTwo.min {
      histogram.meanSquaredError(of: $0) < histogram.meanSquaredError(of: $1)
    } ?? self
  }

  /// The same for the values themselves.
  func withPowerOfTwoScale(for values: [Float]) -> Quantizer {
    powersOfTwo.min { $0.meanSquaredError(of: values) < $1.meanSquaredError(of: values) } ?? self
  }

  private var powersOfTwo: [Quantizer] {
    let exponent = scale.exponent
    let smaller = Float(sign: .plus, exponent: exponent, significand: 1)
    guard scale != smaller else { return [self] }
    return [smaller, smaller * 2].filter(Self.scaleRange.contains).map {
      // An all-positive or all-negative range stays one.
      let isAtEnd = zeroPoint == 0 || zeroPoint == levels - 1 || zeroPoint == levels / 2
      let moved = isAtEnd ? Float(zeroPoint) : (Float(zeroPoint) * scale / $0).rounded()
      return Quantizer(scale: $0, zeroPoint: min(max(Int(moved), 0), levels - 1), levels: levels)
    }
  }
}
