extension Quantizer {
  /// The quantizer whose codes span the finite `values`; ``init(minimum:maximum:levels:scheme:)``.
  package init(spanning values: UnsafeBufferPointer<Float>, levels: Int, scheme: Scheme) {
    var (minimum, maximum) = (Float.infinity, -Float.infinity)
    for value in values where value.isFinite {
      if value < minimum { minimum = value }
      if value > maximum { maximum = value }
    }
    if minimum > maximum { (minimum, maximum) = (0, 0) }
    self.init(minimum: minimum, maximum: maximum, levels: levels, scheme: scheme)
  }

  /// The zero point less the middle code `levels / 2`: what it is for codes that are stored as signed
  /// numbers, less that code as well. 0 for symmetric quantizers.
  package var signedZeroPoint: Int { zeroPoint - levels / 2 }

  /// Writes the codes of `values` less the middle code `levels / 2`.
  ///
  /// - Precondition: at most 256 levels.
  package func encode(
    _ values: UnsafeBufferPointer<Float>, into codes: UnsafeMutableBufferPointer<Int8>
  ) {
    precondition(values.count == codes.count && levels <= 256)
    let lowest = Float(-zeroPoint)
    let highest = Float(levels - 1 - zeroPoint)
    // Added to a small number and taken away, it rounds to the nearest integer, halves to even.
    let magic: Float = 0x1.8p23
    let offset = Int32(truncatingIfNeeded: signedZeroPoint)
    for index in values.indices {
      let value = values[index]
      // Equation (1): the bounds are integers, so clipping may come before rounding.
      let steps = value / scale
      var clipped = steps < highest ? steps : highest
      clipped = clipped > lowest ? clipped : lowest
      if value.isNaN { clipped = 0 }
      let rounded = clipped + magic
      codes[index] = Int8(truncatingIfNeeded: Int32(bitPattern: rounded.bitPattern) &+ offset)
    }
  }
}
