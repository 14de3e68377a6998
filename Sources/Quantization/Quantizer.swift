import Glibc

/// An affine quantizer with any number of levels.
///
///     (1)  q(r) = clip(rint(r / scale) + zeroPoint, 0, levels - 1)
///     (2)  r~   = scale * (q - zeroPoint)
///
/// `rint` rounds half to even and `/` is IEEE division, as ONNX's QuantizeLinear means it. Because
/// `zeroPoint` is an integer in `0...levels - 1`, real zero is always exact. A bit width b is
/// shorthand for `levels = 1 << b`. Signed storage is the same code minus a constant.
public struct Quantizer: Sendable, Hashable {
  /// Distance between neighbouring levels; within ``scaleRange``.
  public let scale: Float
  /// The code of real zero.
  public let zeroPoint: Int
  /// Number of codes, in ``levelRange``.
  public let levels: Int

  /// Scales that quantize and dequantize alike on devices that flush denormals.
  public static let scaleRange: ClosedRange<Float> = 0x1p-100...0x1p100
  /// Level counts that are supported.
  public static let levelRange = 2...65536

  /// Makes a quantizer.
  public init(scale: Float, zeroPoint: Int, levels: Int) {
    precondition(Self.scaleRange.contains(scale), "scale \(scale) is out of range")
    precondition(Self.levelRange.contains(levels), "\(levels) levels are out of range")
    precondition((0..<levels).contains(zeroPoint), "zero point \(zeroPoint) is not a code")
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.levels = levels
  }

  /// The code of `value`, by equation (1); a NaN has the zero point's.
  public func code(of value: Float) -> Int {
    guard !value.isNaN else { return zeroPoint }
    let steps = (value / scale).rounded(.toNearestOrEven)
    let clamped = min(max(steps, Float(-zeroPoint)), Float(levels - 1 - zeroPoint))
    return Int(clamped) + zeroPoint
  }

  /// The value of `code`, by equation (2).
  public func value(of code: Int) -> Float { scale * Float(code - zeroPoint) }
}
