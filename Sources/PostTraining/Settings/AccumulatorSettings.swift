public import Graph
public import Quantization

/// The accumulators that a model is made for.
public struct AccumulatorSettings: Sendable, Hashable {
  /// Guards that are possible; more than the largest accumulator holds says nothing.
  public static let guardRange: ClosedRange<Double> = 1...0x1p32
  /// Their width in bits, the sign included: 8 to 32.
  public var bits: Int
  /// What they must hold, before there are codes.
  public var estimate: AccumulatorEstimate
  /// The guard of ``Quantization/AccumulatorEstimate/observed``: how many times the largest output seen.
  public var guardFactor: Double
  /// Whether scales are raised until the proof over integers holds, and a model for which it does not is
  /// an error.
  public var isProven: Bool
  /// What training has kept codes within the width by; `nil` where scales are made for it.
  public let constraint: AccumulatorConstraint?

  /// Makes settings.
  public init(
    bits: Int, estimate: AccumulatorEstimate = .observed, guardFactor: Double = 2,
    isProven: Bool = true
  ) {
    self.bits = bits
    self.estimate = estimate
    self.guardFactor = guardFactor
    self.isProven = isProven
    constraint = nil
  }

  /// The settings of a model that was trained for the width: its codes are there, with any scales, and
  /// are proven.
  package init(bits: Int, constraint: AccumulatorConstraint) {
    self.bits = bits
    estimate = .guaranteed
    guardFactor = 1
    isProven = true
    self.constraint = constraint
  }

  /// Checks width and guard.
  func validate(_ scales: ScaleRule) throws(SettingsError) {
    guard AccumulatorWidth.range.contains(bits) else {
      throw SettingsError(
        "accumulators of \(bits) bits: \(AccumulatorWidth.range.lowerBound) to "
          + "\(AccumulatorWidth.range.upperBound) are possible")
    }
    guard Self.guardRange.contains(guardFactor) else {
      throw SettingsError(
        "the guard of observed outputs is \(guardFactor): it is at least 1 and at most 2^32")
    }
    guard scales == .powerOfTwo else {
      throw SettingsError(
        "accumulators of a width are for scales that are powers of two "
          + "(--scheme \(ScaleRule.powerOfTwo.rawValue))")
    }
  }

  /// The error that the width cannot be had at a node.
  func refusal(_ name: String, _ operatorType: String, _ reason: String) -> GraphError {
    .unsupported(
      "node '\(name)' (\(operatorType)): accumulators of \(bits) bits cannot be honoured: \(reason); "
        + "--skip leaves the node in float")
  }

  /// The settings for a line of text.
  var summary: [String] {
    if let constraint {
      return ["accumulator-bits=\(bits)", "accumulator-constraint=\(constraint.rawValue)"]
    }
    var parts = ["accumulator-bits=\(bits)", "accumulator-estimate=\(estimate.rawValue)"]
    if estimate == .observed { parts.append("accumulator-guard=\(guardFactor)") }
    if !isProven { parts.append("accumulator-proof=no") }
    return parts
  }
}
