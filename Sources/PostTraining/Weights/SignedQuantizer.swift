import Quantization

/// A quantizer of weights, or of weights with the other sign.
///
/// Codes of an even number of levels reach one step further below zero than above it. Where weights reach
/// further above, their negatives are quantized: then the scale that a file has is negative.
struct SignedQuantizer: Equatable {
  var quantizer: Quantizer
  var isMirrored = false

  /// What a code is multiplied by.
  var scale: Double { isMirrored ? -Double(quantizer.scale) : Double(quantizer.scale) }

  /// The code less the zero point.
  func step(of value: Double) -> Int {
    quantizer.code(of: Float(isMirrored ? -value : value)) - quantizer.zeroPoint
  }

  /// Codes less the zero point.
  var range: ClosedRange<Int> {
    -quantizer.zeroPoint...(quantizer.levels - 1 - quantizer.zeroPoint)
  }

  /// What is stored for a code less the zero point.
  func stored(_ step: Int) -> Int8 { Int8(step + quantizer.signedZeroPoint) }
}
