/// What an integer accumulator can hold while a filter's sum of products grows, from the filter's own
/// weights and the codes that its input can have.
///
/// Every tap's code is free within its range, so ``sum`` is reached: no input gives more, and there is
/// one that gives as much. The bound is the L1 bound of accumulator-aware quantization (Colbert et
/// al., "A2Q: Accumulator-Aware Quantization with Guaranteed Overflow Avoidance", ICCV 2023) taken
/// with the true codes and zero points in place of their widths.
public struct AccumulatorInterval: Sendable, Hashable {
  /// The whole sum with the bias.
  public private(set) var sum: ClosedRange<Int>
  /// Every sum of some of the terms in any order, the bias among them: the sums of all negative and
  /// of all positive parts.
  public private(set) var anyOrder: ClosedRange<Int>

  /// The interval of one filter.
  ///
  /// - Parameters:
  ///   - weights: The filter's weights less their zero point.
  ///   - inputs: Codes of the input less their zero point.
  ///   - hasBorder: Whether taps can lie on a border, where the input counts as 0.
  ///   - bias: What is added.
  public init(
    weights: some Sequence<Int>, inputs: ClosedRange<Int>, hasBorder: Bool = false, bias: Int = 0
  ) {
    let inputs =
      hasBorder ? min(inputs.lowerBound, 0)...max(inputs.upperBound, 0) : inputs
    var (low, high) = (bias, bias)
    var (negative, positive) = (min(bias, 0), max(bias, 0))
    for weight in weights {
      let ends = (weight * inputs.lowerBound, weight * inputs.upperBound)
      let (least, most) = (min(ends.0, ends.1), max(ends.0, ends.1))
      low += least
      high += most
      negative += min(least, 0)
      positive += max(most, 0)
    }
    sum = low...high
    anyOrder = negative...positive
  }

  /// The interval of `bias` and `count` products of codes that are both free within their ranges.
  public init(count: Int, _ a: ClosedRange<Int>, _ b: ClosedRange<Int>, bias: Int = 0) {
    let products = [a.lowerBound, a.upperBound].flatMap { x in
      [x * b.lowerBound, x * b.upperBound]
    }
    let (least, most) = (products.min() ?? 0, products.max() ?? 0)
    sum = bias + count * least...bias + count * most
    anyOrder = min(bias, 0) + count * min(least, 0)...max(bias, 0) + count * max(most, 0)
  }

  /// The smallest width of a two's complement accumulator that holds every intermediate sum, whatever
  /// the order.
  public var bits: Int { Self.bits(of: anyOrder) }

  /// Whether a wrapping 32-bit accumulator ends with the right sum: intermediate sums may wrap, the
  /// last one must fit.
  public var fits32Bits: Bool { Self.bits(of: sum) <= 32 }

  /// Bits of the narrowest signed integer that holds all of `range`.
  package static func bits(of range: ClosedRange<Int>) -> Int {
    let magnitudes = [range.lowerBound, range.upperBound].map { $0 < 0 ? ~$0 : $0 }
    return (magnitudes.map { Int.bitWidth - $0.leadingZeroBitCount }.max() ?? 0) + 1
  }

  /// The smallest interval that holds both.
  public func union(_ other: AccumulatorInterval) -> AccumulatorInterval {
    var both = self
    both.sum = min(sum.lowerBound, other.sum.lowerBound)...max(sum.upperBound, other.sum.upperBound)
    both.anyOrder =
      min(
        anyOrder.lowerBound, other.anyOrder.lowerBound)...max(
        anyOrder.upperBound, other.anyOrder.upperBound)
    return both
  }
}
