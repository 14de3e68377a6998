import Graph
import Tensors

/// Factors of the scales of a layer's output channels: `scale * (1 + code * 2^-shift)`.
///
/// A kernel's scale is a factor of its sums and of their bias, so these are the multipliers of a
/// convolution's output channels, and cost the decoder nothing. The factor is exact in float32 and the
/// product is rounded once, so that every decoder has the same scale.
public enum ChannelMultipliers {
  /// Fraction bits of a multiplier.
  public static let shifts = 2...14

  /// The largest magnitude of a code.
  static let largestCode = 1 << 15 - 1

  /// A scale times a multiplier.
  public static func scale(_ base: Float, code: Int, shift: Int) -> Float {
    base * (1 + Float(code) * Float(sign: .plus, exponent: -shift, significand: 1))
  }

  /// The codes, with the fewest fraction bits, by which `base` becomes `scales`; `nil` where there are
  /// none.
  static func codes(from base: [Float], to scales: [Float]) -> (codes: [Int32], shift: Int)? {
    guard base.count == scales.count else { return nil }
    for shift in shifts {
      var codes: [Int32] = []
      for (old, new) in zip(base, scales) {
        let code = ((new / old - 1) * Float(1 << shift)).rounded()
        guard code.magnitude <= Float(largestCode),
          Self.scale(old, code: Int(code), shift: shift) == new
        else { break }
        codes.append(Int32(code))
      }
      if codes.count == base.count { return (codes, shift) }
    }
    return nil
  }
}

extension SignalledOperand {
  /// The name of the tensor of multipliers of the operand's scales.
  var multiplierName: String {
    "L\(layer).\(TensorKind.multiplier.name)" + (operand == 0 ? "" : ".\(operand)")
  }
}
