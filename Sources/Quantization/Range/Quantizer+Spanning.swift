import Glibc

extension Quantizer {
  /// The quantizer whose codes span `minimum...maximum`, stretched to include zero.
  ///
  /// Affine: the scale is `(maximum - minimum) / (levels - 1)` and the zero point
  /// `rint(-minimum / scale)`. Symmetric: the larger of `-minimum / below` and `maximum / above`, with
  /// as many codes below and above zero as ``Scheme/symmetric`` has. The scale is clamped to
  /// ``scaleRange``; without any values but zero it is 1.
  public init(minimum: Float, maximum: Float, levels: Int, scheme: Scheme) {
    let scale = Self.spanningScale(
      minimum: minimum, maximum: maximum, levels: levels, scheme: scheme)
    let clamped = min(max(scale, Self.scaleRange.lowerBound), Self.scaleRange.upperBound)
    self.init(
      scale: scale == 0 ? 1 : clamped,
      zeroPoint: Self.spanningZeroPoint(
        minimum: minimum, scale: clamped, levels: levels, scheme: scheme),
      levels: levels)
  }

  /// The scale of ``init(minimum:maximum:levels:scheme:)`` before it is clamped; zero if there are no
  /// values but zero.
  ///
  /// Halves are subtracted so that nothing overflows; both steps are correctly rounded on any device.
  static func spanningScale(
    minimum: Float, maximum: Float, levels: Int, scheme: Scheme
  ) -> Float {
    precondition(minimum.isFinite && maximum.isFinite, "range \(minimum)...\(maximum)")
    precondition(levelRange.contains(levels), "\(levels) levels are out of range")
    let below = -min(minimum, 0)
    let above = max(maximum, 0)
    switch scheme {
    case .affine:
      return (above * 0.5 + below * 0.5) / Float(levels - 1) * 2
    case .symmetric:
      let codesBelow = levels / 2
      let codesAbove = levels - 1 - codesBelow
      let scale = max(below / Float(codesBelow), codesAbove > 0 ? above / Float(codesAbove) : 0)
      // Two levels and no negative values: no code helps, any scale is as good.
      return scale > 0 ? scale : above
    }
  }

  private static func spanningZeroPoint(
    minimum: Float, scale: Float, levels: Int, scheme: Scheme
  ) -> Int {
    guard scheme == .affine else { return levels / 2 }
    let steps = (-min(minimum, 0) / scale).rounded(.toNearestOrEven)
    return Int(min(max(steps, 0), Float(levels - 1)))
  }
}
