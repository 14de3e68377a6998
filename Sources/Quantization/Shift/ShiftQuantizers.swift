/// Quantizers of powers of two of a layer, and the shifts between them.
///
/// A quantizer is an exponent `q`: codes are `round(x * 2^q)`, the scale is `2^-q`. Formulas are numbered
/// in <doc:ShiftQuantizers>.
public struct ShiftQuantizers: Sendable, Hashable {
  /// `q_w`: one for all weights, or one an output channel.
  public var weights: [Int]
  /// `q_x`
  public var input: Int
  /// `q_out`
  public var output: Int

  /// Names three exponents.
  public init(weights: [Int], input: Int, output: Int) {
    self.weights = weights
    self.input = input
    self.output = output
  }

  /// `s = q_w + q_x - q_out`: how far sums are shifted to the right to become codes of the output.
  public var shifts: [Int] { weights.map { $0 + input - output } }

  /// The widths that quantizers must suit, in bits, signs included.
  public struct Widths: Sendable, Hashable {
    /// `b_w`
    public var weights: Int
    /// `b_a`, of input and output.
    public var activations: Int
    /// `P`
    public var accumulators: Int

    /// Names three widths.
    public init(weights: Int, activations: Int, accumulators: Int) {
      self.weights = weights
      self.activations = activations
      self.accumulators = accumulators
    }
  }

  /// The largest exponent by which a signed code of `bits` bits holds magnitudes up to `largest`:
  /// `floor(log2((2^(bits-1) - 1) / largest))`. For accumulators it is that of the sum, `q_w + q_x`.
  ///
  /// - Parameters:
  ///   - bits: The width of a code or an accumulator, its sign included, at least 2.
  ///   - largest: Not negative; nothing limits the exponent of 0, which gets `limit`.
  ///   - limit: The largest magnitude of an exponent that is given.
  public static func exponent(bits: Int, largest: Double, limit: Int = 100) -> Int {
    guard largest > 0 else { return limit }
    let codes = Double(sign: .plus, exponent: bits - 1, significand: 1) - 1
    return min(max(Int((codes / largest).exponent), -limit), limit)
  }

  /// Quantizers from statistics: the largest exponents that storage and accumulator allow, the output's
  /// lowered where the shift would be negative.
  ///
  /// What is guaranteed is guaranteed for real weights; whoever rounds them has to look at the integers
  /// again.
  ///
  /// - Parameters:
  ///   - statistics: The layer. Without an observed output, its largest is taken to be M1.
  ///   - widths: The bits of codes and accumulators.
  ///   - input: `q_x`, where the input has a quantizer already.
  ///   - estimate: What the accumulator must hold.
  ///   - factor: The guard of `observed`.
  ///   - isPerChannel: Whether every output channel has a `q_w`.
  public static func determined(
    from statistics: LayerStatistics, widths: Widths, input: Int? = nil,
    estimate: AccumulatorEstimate, guard factor: Double = 2, isPerChannel: Bool = false
  ) -> ShiftQuantizers {
    let x = input ?? exponent(bits: widths.activations, largest: statistics.largestActivation)
    let storage = exponent(bits: widths.weights, largest: statistics.largestWeight)
    let channels: [Int?] = isPerChannel ? statistics.meanWeights.indices.map { $0 } : [nil]
    let weights = channels.map { channel in
      let largest = statistics.largestSum(estimate, channel: channel, guard: factor)
      return min(storage, exponent(bits: widths.accumulators, largest: largest) - x)
    }
    let wanted = exponent(
      bits: widths.activations, largest: statistics.largestOutput ?? statistics.guaranteed)
    return ShiftQuantizers(
      weights: weights, input: x, output: min(wanted, (weights.min() ?? 0) + x))
  }
}
