/// A filter's weights as codes that keep an ``AccumulatorBound``.
public struct BoundedFilter: Sendable {
  /// The weights that are rounded: less their mean where the constraint centres them.
  public let rounded: [Float]
  /// The codes, less their zero point.
  public let codes: [Int]
  /// What each value's derivative by the scale is taken to be.
  public let slopes: [Float]
  /// Whether the nearest codes would not have kept the bound.
  public let isBound: Bool
}

extension AccumulatorBound {
  /// The one way in which weights get bounded codes, in training, evaluation and what is written.
  ///
  /// - Parameters:
  ///   - weights: All weights of the filter.
  ///   - scale: Their scale.
  ///   - levels: Their number of levels; the zero point is `levels / 2`.
  ///   - bias: The filter's bias as a code, before ``biases(positive:negative:)`` bounds it.
  public func filter(
    _ weights: [Float], scale: Float, levels: Int, bias: Int
  ) -> BoundedFilter {
    var weights = weights
    if constraint == .a2qPlus, !weights.isEmpty {
      let mean = Float(weights.reduce(0.0) { $0 + Double($1) } / Double(weights.count))
      weights = weights.map { $0 - mean }
    }
    let quotients = weights.map { $0 / scale }
    let rounding = BoundedRounding(
      quotients, limits: -(levels / 2)...levels - 1 - levels / 2, budget: budget(bias: bias))
    return BoundedFilter(
      rounded: weights, codes: rounding.codes, slopes: rounding.slopes(quotients),
      isBound: rounding.isBound.contains(true))
  }

  /// The biases that fit beside weights of these codes.
  public func biases(beside codes: some Sequence<Int>) -> ClosedRange<Int> {
    var (positive, negative) = (0, 0)
    for code in codes {
      if code > 0 { positive += code } else { negative -= code }
    }
    return biases(positive: positive, negative: negative)
  }

  /// The code of a bias of a product of these scales, as it is written.
  public static func biasCode(_ bias: Float, dataScale: Float, weightScale: Float) -> Int {
    let steps = (Double(bias) / Double(dataScale * weightScale)).rounded(.toNearestOrEven)
    return steps.isNaN ? 0 : Int(min(max(steps, Double(Int32.min)), Double(Int32.max)))
  }

  /// `bias` where its code is one of `codes`, else the nearest number whose code is.
  ///
  /// - Precondition: 0 is one of `codes`.
  public static func bounded(
    _ bias: Float, to codes: ClosedRange<Int>, dataScale: Float, weightScale: Float
  ) -> Float {
    let code = biasCode(bias, dataScale: dataScale, weightScale: weightScale)
    // The product of scales is rounded for the code, but not where the bias is held against int32.
    let largest = Double(dataScale) * Double(weightScale) * Double(largestBias)
    func fits(_ value: Float) -> Bool {
      codes.contains(biasCode(value, dataScale: dataScale, weightScale: weightScale))
        && Double(value.magnitude) <= largest
    }
    guard !bias.isNaN, !fits(bias) else { return bias }
    let end = min(max(code, codes.lowerBound), codes.upperBound)
    var value = Float(Double(end) * Double(dataScale * weightScale))
    // Beyond 24 bits a float is several codes apart from the next.
    while value != 0, !fits(value) { value = value > 0 ? value.nextDown : value.nextUp }
    return value
  }
}
