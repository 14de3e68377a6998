package import Quantization

/// How the weights of a row get their codes.
struct RowRounding {
  /// How many neighbouring weights make a kernel.
  let kernelSize: Int
  /// Whether rows may begin in the middle of a kernel.
  let startsInKernels: Bool
  /// Whether ``SumPreservingRounding`` is used; otherwise every weight gets its nearest code.
  let preservesSums: Bool

  /// The signed codes, less the middle code, of weights whose first has the position `first` among all.
  func round(
    _ values: UnsafeBufferPointer<Float>, at first: Int, _ quantizer: Quantizer,
    into codes: UnsafeMutableBufferPointer<Int8>
  ) {
    quantizer.encode(values, into: codes)
    guard preservesSums else { return }
    SumPreservingRounding(
      quantizer: quantizer, kernelSize: kernelSize,
      phase: startsInKernels ? first % kernelSize : 0
    ).balance(codes, of: values)
  }
}

/// Sums over weights `w` and what their codes stand for, `q`.
struct RowMoments {
  /// `<w, w>`
  var power = 0.0
  /// `<w, q>`
  var product = 0.0
  /// `<w - q, w - q>`
  var noise = 0.0

  /// Sums of nothing.
  init() {}

  init(
    of values: UnsafeBufferPointer<Float>, codes: UnsafeBufferPointer<Int8>, _ quantizer: Quantizer
  ) {
    let scale = quantizer.scale
    let zeroPoint = Float(quantizer.signedZeroPoint)
    for position in values.indices {
      let value = Double(values[position])
      let quantized = Double(scale * (Float(codes[position]) - zeroPoint))
      power += value * value
      product += value * quantized
      noise += (value - quantized) * (value - quantized)
    }
  }

  /// What to multiply the scale by so that outputs keep their size: `<w, w> / <w, q>`; 1 where all weights
  /// or all codes are zero.
  var gain: Double { product > 0 ? power / product : 1 }
}

extension Quantizer {
  /// The quantizer with its scale times `gain`, within the scales that are allowed.
  package func scaled(by gain: Double) -> Quantizer {
    let scale = Float(Double(scale) * gain)
    let limits = Self.scaleRange
    return Quantizer(
      scale: min(max(scale, limits.lowerBound), limits.upperBound), zeroPoint: zeroPoint,
      levels: levels)
  }
}
