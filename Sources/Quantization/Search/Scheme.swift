/// Which zero points a search may choose.
public enum Scheme: String, Sendable, Hashable, CaseIterable {
  /// Any code: scale and zero point are found together.
  case affine
  /// The middle code `levels / 2`, as integer kernels want it for weights: for even level counts the
  /// codes minus the zero point are `-levels/2 ... levels/2 - 1`, which is `int8` with zero point 0
  /// for 256 levels; for odd ones `-(levels-1)/2 ... (levels-1)/2`.
  case symmetric
}

extension Scheme {
  /// The zero points that the scheme allows.
  public func zeroPoints(levels: Int) -> ClosedRange<Int> {
    switch self {
    case .affine: 0...(levels - 1)
    case .symmetric: (levels / 2)...(levels / 2)
    }
  }
}
