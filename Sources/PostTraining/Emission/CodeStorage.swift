package import Quantization
import Tensors

/// The type that activation codes of a quantizer are stored in.
enum CodeStorage {
  /// The narrowest unsigned type that `target` has for `levels` levels.
  static func type(levels: Int, target: Target) -> ElementType {
    if levels > 256 { return .uint16 }
    return target == .qdq && levels == 16 ? .uint4 : .uint8
  }

  /// A tensor of one code.
  static func scalar(_ code: Int, as type: ElementType) -> Tensor {
    type == .uint16
      ? Tensor([UInt16(code)], shape: [], as: type) : Tensor([UInt8(code)], shape: [], as: type)
  }

  /// ONNX's number of an element type, as Cast wants it.
  static func typeNumber(_ type: ElementType) -> Int {
    switch type {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int32: 6
    default: preconditionFailure("no cast to \(type) is written")
    }
  }
}

extension ValuePlan {
  /// The codes that occur, with the clipping of fused nodes: `q(clip(x, a, b))` is
  /// `clip(q(x), q(a), q(b))` because quantizers are monotone.
  package func codeRange(of quantizer: Quantizer, includingFused: Bool) -> ClosedRange<Int> {
    guard includingFused, let clipping else { return 0...(quantizer.levels - 1) }
    return quantizer.code(of: clipping.lowerBound)...quantizer.code(of: clipping.upperBound)
  }

  /// The codes that can occur by quantizers of this zero point and these levels, whatever their scale.
  package func codeRange(
    ofAnyScaleWith quantizer: Quantizer, includingFused: Bool
  ) -> ClosedRange<Int> {
    let last = quantizer.levels - 1
    guard includingFused, let clipping else { return 0...last }
    // Only the sign of a bound says something of its code.
    let low = clipping.lowerBound >= 0 ? quantizer.zeroPoint : 0
    return low...(clipping.upperBound <= 0 ? quantizer.zeroPoint : last)
  }
}
