/// Exponents of quantizers whose scales are powers of two.
///
/// A quantizer is an exponent `q`: codes are `round(x * 2^q)`, the scale is `2^-q`. Formulas are numbered
/// in <doc:ShiftQuantizers>.
public enum ShiftQuantizers {
  /// The largest exponent by which a signed code of `bits` bits holds magnitudes up to `largest`:
  /// `floor(log2((2^(bits-1) - 1) / largest))`. For accumulators it is that of the sum, `q_w + q_x`.
  ///
  /// - Parameters:
  ///   - bits: The width of a code or an accumulator, its sign included, at least 2.
  ///   - largest: Not negative; nothing limits the exponent of 0, which gets `limit`.
  ///   - limit: The largest magnitude of an exponent that is given.
  public static func exponent(bits: Int, largest: Double, limit: Int = 100) -> Int {
    guard largest > 0 else { return limit }
    let codes = Double(sign: .plus, exponent: bits - 1, significand: 1) - 1
    return min(max(Int((codes / largest).exponent), -limit), limit)
  }
}
