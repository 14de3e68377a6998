/// A factor `multiplier * 2^-shift` for products in 64 bits.
public struct FixedPoint: Sendable, Hashable {
  /// Not negative.
  public var multiplier: Int32
  /// 1 to 62.
  public var shift: Int

  /// Makes a factor.
  public init(multiplier: Int32, shift: Int) {
    precondition(multiplier >= 0 && (1...62).contains(shift), "\(multiplier) * 2^-\(shift)")
    self.multiplier = multiplier
    self.shift = shift
  }

  /// The nearest factor to `value`, of 31 bits where the shift allows it (TensorFlow Lite's
  /// QuantizeMultiplier, ties to even); powers of two are exact.
  ///
  /// - Parameters:
  ///   - value: The factor.
  ///   - maximumShift: At most 62.
  /// - Returns: `nil` where `value` is not positive and below `2^29`.
  public init?(_ value: Double, maximumShift: Int = 62) {
    guard value > 0, value < 0x1p29 else { return nil }
    var shift = min(30 - Int(value.exponent), maximumShift)
    let unit = Double(sign: .plus, exponent: shift, significand: 1)
    var digits = (value * unit).rounded(.toNearestOrEven)
    if digits == 0x1p31 {
      digits /= 2
      shift -= 1
    }
    self.init(multiplier: Int32(digits), shift: shift)
  }
}
