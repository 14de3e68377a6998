import Tensors

/// What becomes of the `int32` sums of a convolution of codes: new codes.
///
/// `t = clip(round(sum + bias) + zeroPoint, codes)`, where ``rounding`` says how; then, with a
/// ``residual``, the codes of what `t` and the other summand stand for together. `sum + bias` wraps
/// in `int32`; `Graph`'s accumulator intervals prove where it cannot.
public struct Epilogue<Value: BackendValue>: Sendable {
  /// `int32` `[M]`; nothing stands for zero.
  public var bias: Value?
  /// From sums to the unit of the codes.
  public var rounding: Rounding<Value>
  /// The code of zero.
  public var zeroPoint: Int
  /// The codes that `t` may have, within the range of `bits`: all of a level count's, or fewer where
  /// an activation function cuts them off.
  public var codes: ClosedRange<Int>
  /// Bits in which the result is packed: 1, 2, 4 or 8.
  public var bits: Int
  /// What is added afterwards.
  public var residual: Residual<Value>?

  /// Makes an epilogue.
  public init(
    bias: Value? = nil, rounding: Rounding<Value>, zeroPoint: Int, codes: ClosedRange<Int>,
    bits: Int = 8, residual: Residual<Value>? = nil
  ) {
    precondition(
      0 <= codes.lowerBound && codes.upperBound < 1 << bits, "codes \(codes) of \(bits) bits")
    self.bias = bias
    self.rounding = rounding
    self.zeroPoint = zeroPoint
    self.codes = codes
    self.bits = bits
    self.residual = residual
  }
}

extension Epilogue {
  /// The result's code of zero.
  public var resultZeroPoint: Int { residual?.resultZeroPoint ?? zeroPoint }
  /// The result's largest code.
  public var resultMaximum: Int { residual?.resultCodes.upperBound ?? codes.upperBound }
}

/// The named ways from a sum to codes. Parameters have one element or one a channel `[M]`.
public enum Rounding<Value: BackendValue>: Sendable {
  /// `rint(Float(sum) * multiplier)`, ties to even: ONNX Runtime's. `float32`.
  case float(multiplier: Value)
  /// `(sum * multiplier + (1 << (shift - 1))) >> shift` in 64 bits, ties up. Both `int32`,
  /// `multiplier` not negative, `shift` in 1...62.
  case integer(multiplier: Value, shift: Value)
  /// `(sum + (1 << (shift - 1))) >> shift` in 64 bits, ties up; `sum` where `shift` is 0. `int32`,
  /// 0...31.
  case shift(Value)
  /// `sum >> shift`, towards minus infinity: SADL's. `int32`, 0...31.
  case floorShift(Value)
}

/// A summand that joins a convolution's codes: `quantize(dequantize(t) + dequantize(other))` in
/// `float32`, as ONNX's operators compute it.
public struct Residual<Value: BackendValue>: Sendable {
  /// The other summand, of the result's shape, 8 bits a code.
  public var other: PackedCodes<Value>
  /// The unit of its codes.
  public var otherScale: Float
  /// The unit of `t`.
  public var scale: Float
  /// The unit of the result.
  public var resultScale: Float
  /// The result's code of zero.
  public var resultZeroPoint: Int
  /// The codes that the result may have.
  public var resultCodes: ClosedRange<Int>

  /// Makes a residual.
  public init(
    _ other: PackedCodes<Value>, otherScale: Float, scale: Float, resultScale: Float,
    resultZeroPoint: Int, resultCodes: ClosedRange<Int>
  ) {
    self.other = other
    self.otherScale = otherScale
    self.scale = scale
    self.resultScale = resultScale
    self.resultZeroPoint = resultZeroPoint
    self.resultCodes = resultCodes
  }
}
