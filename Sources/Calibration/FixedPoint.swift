/// Floats as whole multiples of 2^-60: sums of them do not depend on order.
enum FixedPoint {
  static let unit = 0x1p60
  /// Magnitudes beyond this do not occur in networks that can be quantized; they are cut off, so that no
  /// sum over fewer than 2^19 of them overflows.
  static let limit = 0x1p48

  /// `value` in units of 2^-60, half to even; 0 for a NaN.
  @inline(__always)
  static func integer(_ value: Float) -> Int128 {
    let exponent = Int(value.exponentBitPattern) - 150 + 60
    // A float is a whole number of 24 bits times a power of two: here one of at least the unit, and below
    // the limit.
    guard exponent >= 0, exponent <= 84 else { return roundedInteger(value) }
    let magnitude = Int64(value.significandBitPattern | 1 << 23)
    return Int128(truncatingIfNeeded: value.sign == .minus ? -magnitude : magnitude)
      &<< Int128(truncatingIfNeeded: exponent)
  }

  @inline(never)
  private static func roundedInteger(_ value: Float) -> Int128 {
    guard !value.isNaN else { return 0 }
    let bounded = min(max(Double(value), -limit), limit)
    return Int128((bounded * unit).rounded(.toNearestOrEven))
  }

  static func value(_ integer: Int128) -> Double { Double(integer) / unit }
}
