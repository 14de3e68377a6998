/// How sums of products become codes: the named arithmetic of an integer network.
///
/// A model says in its metadata which one it was made for, and the integer engine computes every
/// rounding between codes by it; see <doc:IntegerEngine> for each operator's formula. ONNX's own
/// operators, and so the float engine and ONNX Runtime, know ``float`` only.
public enum Requantization: String, Sendable, Hashable, CaseIterable {
  /// A `float32` multiplier, ties to even: ONNX Runtime's.
  case float
  /// An integer multiplier of 31 bits and a shift, ties up: gemmlowp's and TensorFlow Lite's with single
  /// rounding.
  case fixedPoint = "fixed-point"
  /// A shift, ties up; all scales are powers of two.
  case round
  /// A shift towards minus infinity and codes that lie symmetrically about zero, as SADL computes; all
  /// scales are powers of two.
  case sadl

  /// Whether every scale must be a power of two.
  public var needsPowersOfTwo: Bool { self == .round || self == .sadl }

  /// Whether halves are rounded up; otherwise everything is rounded down. ``float`` does neither.
  public var roundsHalfUp: Bool { self != .sadl }

  /// What reports say about it.
  public var summary: String {
    switch self {
    case .float: "float multiplier, half to even"
    case .fixedPoint: "integer multiplier and shift, half up"
    case .round: "power-of-two shift, half up"
    case .sadl: "power-of-two shift, towards minus infinity"
    }
  }
}
