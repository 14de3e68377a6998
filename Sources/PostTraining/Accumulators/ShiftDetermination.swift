public import Quantization

/// How the quantizers of a layer came about that suit an accumulator of a width.
public struct ShiftDetermination: Sendable, Hashable, Encodable {
  /// The statistics that they follow from.
  public var statistics: LayerStatistics
  /// `M1`, what no input within the largest activation exceeds.
  public var guaranteed: Double
  /// `M2`, by the mean weight of the layer.
  public var approximate: Double
  /// `M3`, by the largest output seen; `nil` where none was.
  public var observed: Double?
  /// `q_x`
  public var inputExponent: Int
  /// The smallest and the largest `q_w` that the statistics give.
  public var weightExponents: [Int]
  /// The smallest and the largest `q_w` after the integers were looked at.
  public var finalWeightExponents: [Int]
  /// How many scales of weights are larger than those that were found without a width.
  public var raisedScales: Int
  /// How often a filter's `q_w` was lowered by 1 until its integers fit, over all filters.
  public var lowerings: Int
  /// The bits that the accumulators need by the integers.
  public var neededBits: Int
}
