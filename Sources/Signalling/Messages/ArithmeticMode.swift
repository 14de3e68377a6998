/// How sums become codes of the next layer: what must be the same on every device for the same integers
/// to come out.
public enum ArithmeticMode: Int, Sendable, Hashable, CaseIterable {
  /// Shift right towards minus infinity, clamp to +-(2^(bits - 1) - 1); 32-bit sums wrap.
  case sadl = 0
  /// Shift right, halves up; sums do not overflow, by proof.
  case round = 1
  /// A float multiplier, halves to even, as ONNX's operators have it.
  case halfEven = 2
  /// An integer multiplier and a shift, halves up.
  case integerMultiplier = 3

  /// The mode's name on command lines and in JSON.
  public var name: String {
    switch self {
    case .sadl: "sadl"
    case .round: "round"
    case .halfEven: "half-even"
    case .integerMultiplier: "integer-multiplier"
    }
  }

  /// Whether scales must be powers of two, so that a shift is all that there is.
  public var isShift: Bool { self == .sadl || self == .round }

  /// The model property that names the mode.
  public static let property = "qtool.requantization"

  /// The values of ``property``, one for each mode: the one place where models and messages meet.
  static let propertyValues: [(value: String, mode: ArithmeticMode)] = [
    ("sadl", .sadl), ("round", .round), ("half-even", .halfEven),
    ("half-even float multiplier", .halfEven), ("integer-multiplier", .integerMultiplier),
    ("float", .halfEven), ("fixed-point", .integerMultiplier),
  ]

  /// What models in this mode say under ``property``.
  var property: String {
    switch self {
    case .sadl: "sadl"
    case .round: "round"
    case .halfEven: "float"
    case .integerMultiplier: "fixed-point"
    }
  }

  /// The mode that a model's property names; a model without one is computed as ONNX says.
  ///
  /// - Returns: `nil` for a mode that messages have no number for.
  public init?(property value: String?) {
    guard let value else {
      self = .halfEven
      return
    }
    guard let known = Self.propertyValues.first(where: { $0.value == value }) else { return nil }
    self = known.mode
  }
}
