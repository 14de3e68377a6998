/// What the sum or product of two tensors of codes is computed by.
public enum CodeCombination: Sendable, Hashable {
  /// `quantize(function(dequantize(a), dequantize(b)))` in `float32`, as ONNX's operators compute it:
  /// ``BinaryFunction/add`` or ``BinaryFunction/multiply`` of the codes' numbers in these units.
  case float(BinaryFunction, aUnit: Float, bUnit: Float)
  /// `(term(a) + term(b) + half) >> shift` in 64 bits, where `term(x)` is
  /// `((x - zeroPoint) >> term.shift) * term.multiplier`.
  case sum(CodeTerm, CodeTerm, CodeShift)
  /// `((a - zeroPoint) * (b - zeroPoint) * multiplier + half) >> shift` in 64 bits.
  case product(multiplier: Int32, CodeShift)
}

/// One summand of a ``CodeCombination``.
public struct CodeTerm: Sendable, Hashable {
  /// 0 to 31.
  public var shift: Int
  /// Not negative.
  public var multiplier: Int32

  /// Makes a summand.
  public init(shift: Int = 0, multiplier: Int32) {
    precondition((0...31).contains(shift) && multiplier >= 0)
    self.shift = shift
    self.multiplier = multiplier
  }
}

/// The end of a computation in 64 bits: a shift to the right.
public struct CodeShift: Sendable, Hashable {
  /// 0 to 62.
  public var count: Int
  /// Whether halves are rounded up; otherwise everything is rounded down.
  public var roundsHalfUp: Bool

  /// Makes a shift.
  public init(_ count: Int, roundsHalfUp: Bool) {
    precondition((0...62).contains(count))
    self.count = count
    self.roundsHalfUp = roundsHalfUp
  }

  /// What is added before the shift.
  package var half: Int64 { roundsHalfUp && count > 0 ? 1 << Int64(count - 1) : 0 }
}
