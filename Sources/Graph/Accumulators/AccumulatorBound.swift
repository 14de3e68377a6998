/// How codes of weights are kept such that a filter's accumulator fits a width.
public enum AccumulatorConstraint: String, Sendable, Hashable, CaseIterable {
  /// The sum of the codes' magnitudes has a bound: Colbert et al., "A2Q: Accumulator-Aware
  /// Quantization with Guaranteed Overflow Avoidance", ICCV 2023.
  case a2q
  /// A filter's weights are centred, and the sums of its positive and of its negative codes have one
  /// bound each: Colbert et al., "A2Q+: Improving Accumulator-Aware Weight Quantization", ICML 2024.
  case a2qPlus = "a2q+"
  /// The bounds of A2Q+ on weights as they are: each sign's codes by themselves, nothing centred.
  case signs
}

/// What keeps the accumulators of a layer within a width, whatever the input and the order of sums.
///
/// With codes `x` of the input, less their zero point, in `low...high` (zero among them), the codes `q`
/// of a filter's weights and its bias `c`, every sum of some of the terms lies within
///
///     min(c, 0) + low P - high N ... max(c, 0) + high P - low N
///
/// where P is the sum of the positive `q` and N that of the negative ones' magnitudes: the interval of
/// ``AccumulatorInterval``. This must lie within `-2^(bits - 1) ... 2^(bits - 1) - 1`.
public struct AccumulatorBound: Sendable, Hashable {
  /// The accumulator's width, the sign included.
  public let bits: Int
  /// The codes that the input can have, less their zero point; zero among them.
  public let inputs: ClosedRange<Int>
  /// How codes are kept within it.
  public let constraint: AccumulatorConstraint

  /// The largest magnitude of a bias's code, however wide the accumulator: half of int32, in which
  /// biases are stored, so that the sum of products has the other half.
  public static let largestBias = 1 << 30

  /// Makes a bound; zero is added to `inputs`.
  public init(bits: Int, inputs: ClosedRange<Int>, constraint: AccumulatorConstraint) {
    self.bits = bits
    self.inputs = min(inputs.lowerBound, 0)...max(inputs.upperBound, 0)
    self.constraint = constraint
  }

  /// What the accumulator holds.
  private var range: ClosedRange<Int> { -(1 << (bits - 1))...(1 << (bits - 1)) - 1 }

  /// What codes of weights may sum up to beside a bias of `bias`.
  ///
  /// Half of the accumulator is the weights' whatever the bias: ``biases(positive:negative:)`` are then
  /// the biases that are possible.
  public func budget(bias: Int) -> CodeBudget {
    let half = 1 << (bits - 2)
    let bias = min(max(bias, -half), half)
    let above = range.upperBound - max(bias, 0)
    let below = -range.lowerBound - max(-bias, 0)
    let (low, high) = (-inputs.lowerBound, inputs.upperBound)
    // An input of zeros only needs nothing.
    guard max(low, high) > 0 else { return .total(Int.max) }
    switch constraint {
    case .a2q: return .total(min(above, below) / max(low, high))
    case .a2qPlus, .signs:
      if low == 0 { return .signs(positive: above / high, negative: below / high) }
      if high == 0 { return .signs(positive: below / low, negative: above / low) }
      let each = min(above, below) / (low + high)
      return .signs(positive: each, negative: each)
    }
  }

  /// The biases that fit beside weights whose positive codes sum up to `positive` and whose negative ones
  /// to `-negative`; 0 among them, and none beyond ``largestBias``.
  ///
  /// - Precondition: These sums are within a ``budget(bias:)``.
  public func biases(positive: Int, negative: Int) -> ClosedRange<Int> {
    let (low, high) = (-inputs.lowerBound, inputs.upperBound)
    let above = range.upperBound - high * positive - low * negative
    let below = range.lowerBound + high * negative + low * positive
    return max(min(below, 0), -Self.largestBias)...min(max(above, 0), Self.largestBias)
  }
}

/// What the codes of a filter's weights may sum up to.
public enum CodeBudget: Sendable, Hashable {
  /// The sum of magnitudes.
  case total(Int)
  /// The sum of positive codes, and the magnitude of that of negative ones.
  case signs(positive: Int, negative: Int)

  /// The largest sum of magnitudes.
  public var magnitudes: Int {
    switch self {
    case .total(let total): total
    case .signs(let positive, let negative): positive + negative
    }
  }

  /// Whether codes of both signs can be other than zero.
  public var isUsable: Bool {
    switch self {
    case .total(let total): total > 0
    case .signs(let positive, let negative): min(positive, negative) > 0
    }
  }
}
