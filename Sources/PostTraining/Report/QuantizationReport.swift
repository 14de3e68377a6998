/// What quantization did: for people as text, for programs as JSON (it is `Encodable`).
public struct QuantizationReport: Sendable, Encodable {
  /// The settings in one line.
  public var settings: String
  /// The target's name.
  public var target: String
  /// Samples that the ranges of activations come from.
  public var sampleCount: Int
  /// Weighted layers and products, in order.
  public var layers: [Layer]
  /// Quantized activations, by name.
  public var activations: [Activation]
  /// Nodes that became part of a quantizer.
  public var fused: [FusedNode]
  /// Nodes that stay in float, each with its reason.
  public var floatNodes: [FloatNode]
  /// Notes on settings that were applied without being asked for.
  public var notes: [String]
  /// What may cost accuracy or was not done as asked.
  public var warnings: [String]
  /// Bytes of the initializers, before and after, packed as in the file.
  public var constantBytes: Change
  /// What ranges and scales come from, as the written model says it too.
  public var calibration: Calibration?
  /// The width of accumulators that the model is made for; `nil` for the 32 bits that there are.
  public var accumulatorBits: Int?

  /// What was calibrated on what.
  public struct Calibration: Sendable, Hashable, Encodable {
    /// The data, without the folders that lead to them.
    public var data: [String]
    /// Samples seen.
    public var samples: Int
    /// SHA-256 of what was seen and used, in hexadecimal digits: of the same numbers the same, whether
    /// they came from data or from a file of statistics.
    public var statistics: String
    /// SHA-256 of the float model's file, in hexadecimal digits.
    public var model: String

    /// Makes an account.
    public init(data: [String], samples: Int, statistics: String, model: String) {
      self.data = data
      self.samples = samples
      self.statistics = statistics
      self.model = model
    }
  }

  /// A node that computes on codes.
  public struct Layer: Sendable, Encodable {
    /// The node.
    public var name: String
    /// Its operator in the float model.
    public var operatorType: String
    /// How ONNX Runtime's CPU provider executes it: the integer operator, or `float` with a reason.
    public var execution: String
    /// Levels of the weights; none for a product of activations.
    public var weightLevels: Int?
    /// Bits that a weight takes in the file.
    public var weightBits: Int?
    /// What shares a scale.
    public var granularity: String?
    /// The method of the weights' ranges.
    public var weightRange: String?
    /// The smallest and the largest weight scale.
    public var weightScales: [Float]?
    /// Mean squared weight over mean squared error, in decibels.
    public var weightSQNR: Double?
    /// Levels of the input activations.
    public var activationLevels: Int
    /// Distance between neighbouring levels of the input.
    public var activationScale: Float?
    /// The code of zero of the input.
    public var activationZeroPoint: Int?
    /// Bits that every intermediate sum of every filter fits, proven from weights and input codes; where
    /// the integer engine computes the layer on codes and the number of terms is known.
    public var accumulatorBits: Int?
    /// Whether the 32 bits that accumulators have hold the sums.
    public var fits32Bits: Bool?
    /// How its quantizers were determined, where accumulators of a width were asked for.
    public var determination: ShiftDetermination?
    /// `q_out` of a quantized result, there too.
    public var outputExponent: Int?
  }

  /// A quantized activation.
  public struct Activation: Sendable, Encodable {
    /// The value.
    public var name: String
    /// The number of codes.
    public var levels: Int
    /// Distance between neighbouring levels.
    public var scale: Float
    /// The code of zero.
    public var zeroPoint: Int
    /// The value that shares its quantizer with this one, if another gives the group its name.
    public var sharedWith: String?
    /// The method of the range.
    public var range: String
    /// The smallest value observed.
    public var minimum: Float?
    /// The largest value observed.
    public var maximum: Float?
    /// Mean squared value over mean squared error, in decibels, of what was observed.
    public var sqnr: Double?
    /// The share of the observed values that lie beyond the range, 0 to 1.
    public var shareBeyond: Double?
    /// NaN observed; they get the code of zero.
    public var nans: UInt64
    /// Infinities observed; they get the outermost codes.
    public var infinities: UInt64
  }

  /// A node that became part of a quantizer.
  public struct FusedNode: Sendable, Encodable {
    /// The node.
    public var name: String
    /// Its operator.
    public var operatorType: String
    /// The value whose quantizer does its work.
    public var quantizerOf: String
  }

  /// A node that stays in float.
  public struct FloatNode: Sendable, Encodable {
    /// The node.
    public var name: String
    /// Its operator.
    public var operatorType: String
    /// Why.
    public var reason: String
  }

  /// A number before and after.
  public struct Change: Sendable, Encodable {
    /// In the float model.
    public var before: Int
    /// In the quantized model.
    public var after: Int

    /// Makes a change.
    public init(before: Int, after: Int) {
      self.before = before
      self.after = after
    }
  }
}
