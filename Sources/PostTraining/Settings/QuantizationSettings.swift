public import Quantization

/// How a model is quantized.
public struct QuantizationSettings: Sendable, Hashable {
  /// Levels and range method of weights.
  public var weights: TensorSettings

  /// Levels and range method of activations.
  public var activations: TensorSettings

  /// What shares one weight scale.
  public var granularity: Granularity

  /// The scales that are allowed.
  public var scales: ScaleRule

  /// How the integer engine turns sums into codes; ONNX Runtime knows ``Quantization/Requantization/float`` only.
  public var requantization: Requantization

  /// The accumulators that the model is made for; `nil` for those of 32 bits that engines have.
  public var accumulator: AccumulatorSettings?

  /// The form of the written graph.
  public var target: Target

  /// Whether weights alone are quantized, and how; `nil` where activations are as well.
  public var weightOnly: WeightOnlySettings?

  /// Groups of channels of activations that have quantizers of their own; `nil` for none.
  public var activationGroups: ActivationGroupSettings?

  /// Levels of weights and input activations of the first and the last weighted layers when they are
  /// to differ from the others; `nil` for no exception.
  public var borderLevels: Int?

  /// What is done to lose less.
  public var improvements: Set<Improvement>

  /// When not empty, only weighted nodes that one of these matches are quantized.
  public var only: [NodePattern]

  /// Nodes that stay in float.
  public var skip: [NodePattern]

  /// Settings of single layers; a later rule wins over an earlier one, and all of them over
  /// ``borderLevels``.
  public var layers: [LayerRule]

  /// Makes settings; the defaults are those of the preset `w8a8`.
  public init(
    weights: TensorSettings = TensorSettings(levels: 256),
    activations: TensorSettings = TensorSettings(levels: 256),
    granularity: Granularity = .channel, scales: ScaleRule = .real,
    requantization: Requantization = .float, target: Target = .ortCPU, borderLevels: Int? = nil,
    improvements: Set<Improvement>? = nil, only: [NodePattern] = [],
    skip: [NodePattern] = [], layers: [LayerRule] = []
  ) {
    self.weights = weights
    self.activations = activations
    self.granularity = granularity
    self.scales = scales
    self.requantization = requantization
    self.target = target
    self.borderLevels = borderLevels
    self.improvements = improvements ?? Improvement.all(for: scales)
    self.only = only
    self.skip = skip
    self.layers = layers
  }

  /// The range method of weights with `levels` levels: the one asked for; by default `minmax` above 128
  /// levels and `mse` otherwise.
  ///
  /// With many levels the error of rounding is small, and cutting off the largest weights of a channel,
  /// as least squares does, costs more than it gains.
  public func weightRange(levels: Int) -> RangeMethod {
    weights.range ?? (levels > 128 ? .minmax : .mse)
  }

  /// Whether the scales of a layer are chosen by the error of its outputs: where that is on, each channel
  /// has its scale, and the range method is `mse`, from whose scales the choice starts.
  func choosesScales(of weights: WeightPlan) -> Bool {
    improvements.contains(.outputs) && weights.granularity == .channel && !weights.hasZeroPoints
      && weightRange(levels: weights.levels) == .mse
  }

  /// Whether a layer is rounded by the second moments of what its filters meet.
  func roundsBySecondOrder(_ weights: WeightPlan) -> Bool {
    improvements.contains(.gptq) && weights.takesSecondOrder
  }

  /// Whether biases take back the mean of an error that channels' means tell.
  var correctsBiases: Bool {
    improvements.contains(.bias) || improvements.contains(.analyticBias)
  }

  /// Whether moments of patches serve a layer.
  func needsMoments(of weights: WeightPlan) -> Bool {
    choosesScales(of: weights) || roundsBySecondOrder(weights)
  }

  /// How a quantizer of these values lies around zero. Those of values never below it begin there.
  func scheme(of values: Histogram) -> Scheme {
    let isSymmetric = scales == .symmetric || requantization == .sadl
    return isSymmetric && values.minimum ?? 0 < 0 ? .symmetric : .affine
  }

  /// The range method of activations: the one asked for, by default `mse`.
  public var activationRange: RangeMethod { activations.range ?? .mse }

  /// Level counts that weights can have: what fits a signed byte.
  public static let weightLevelRange = 2...256

  /// Level counts that activations can have: what fits two bytes.
  public static let activationLevelRange = 2...65536

  /// Checks the level counts and the group size.
  ///
  /// - Throws: ``SettingsError`` naming the setting.
  public func validate() throws(SettingsError) {
    try Self.check(weights.levels, in: Self.weightLevelRange, of: "weights")
    try Self.check(activations.levels, in: Self.activationLevelRange, of: "activations")
    if let borderLevels {
      try Self.check(borderLevels, in: Self.weightLevelRange, of: "the first and last layers")
    }
    for rule in layers {
      if let levels = rule.weightLevels {
        try Self.check(levels, in: Self.weightLevelRange, of: "weights of layer '\(rule.pattern)'")
      }
      if let levels = rule.activationLevels {
        try Self.check(
          levels, in: Self.activationLevelRange, of: "activations of layer '\(rule.pattern)'")
      }
    }
    if case .group(let size) = granularity, size < 1 {
      throw SettingsError("granularity group:\(size): a group has at least one weight")
    }
    if requantization.needsPowersOfTwo, scales != .powerOfTwo {
      throw SettingsError(
        "requantization '\(requantization.rawValue)' is a shift: it needs scales that are powers of two "
          + "(--scheme \(ScaleRule.powerOfTwo.rawValue))")
    }
    try accumulator?.validate(scales)
    try validateWeightOnly()
    try activationGroups?.validate(self)
    try validateImprovements()
    guard weights.range != .crossEntropy else {
      throw SettingsError("the range method 'crossentropy' is for activations, not for weights")
    }
    if activationRange == .crossEntropy, scales != .real || requantization == .sadl {
      throw SettingsError(
        "the range method 'crossentropy' needs the scheme '\(ScaleRule.real.rawValue)', with any scale and "
          + "zero point")
    }
    for case .percentile(let percent)? in [weights.range, activations.range]
    where !(percent > 50 && percent <= 100) {
      throw SettingsError("percentile \(percent) is not above 50 and at most 100")
    }
  }

  /// Checks what improvements go together, and with what.
  private func validateImprovements() throws(SettingsError) {
    if scales == .powerOfTwo, improvements.contains(.gain) {
      throw SettingsError("the improvement 'gain' needs any scale, not powers of two")
    }
    if improvements.contains(.analyticBias) {
      for other in [Improvement.bias, .sequential] where improvements.contains(other) {
        throw SettingsError(
          "the improvements '\(other.rawValue)' and 'analytic-bias' both give biases the mean of an "
            + "error: name one")
      }
    }
    if improvements.isSuperset(of: Improvement.learning) {
      throw SettingsError(
        "the improvements 'adaround' and 'reconstruct' learn the same rounding, by layers and by blocks: "
          + "name one of them")
    }
    for pass in [Improvement.gptq, .sequential, .adaround, .reconstruct]
    where improvements.contains(pass) {
      guard accumulator == nil else {
        throw SettingsError(
          "the improvement '\(pass.rawValue)' does not know accumulators of \(accumulator?.bits ?? 0) bits"
        )
      }
      guard pass == .gptq || !requantization.needsPowersOfTwo else {
        throw SettingsError(
          "the improvement '\(pass.rawValue)' does not know requantization '\(requantization.rawValue)'"
        )
      }
    }
  }

  private static func check(
    _ levels: Int, in range: ClosedRange<Int>, of what: String
  ) throws(SettingsError) {
    guard range.contains(levels) else {
      throw SettingsError(
        "\(levels) levels for \(what): \(range.lowerBound) to \(range.upperBound) are possible")
    }
  }
}

/// Levels and range of one kind of tensor.
public struct TensorSettings: Sendable, Hashable {
  /// The number of codes.
  public var levels: Int
  /// How the range is chosen; `nil` for the default, which depends on the number of levels.
  public var range: RangeMethod?

  /// Makes settings.
  public init(levels: Int, range: RangeMethod? = nil) {
    self.levels = levels
    self.range = range
  }
}

/// What shares one weight scale.
public enum Granularity: Sendable, Hashable {
  /// All weights of a layer.
  case tensor
  /// The weights of one output channel.
  case channel
  /// So many neighbouring weights of one output channel.
  case group(Int)
}

/// The scales that a quantizer may have.
public enum ScaleRule: String, Sendable, Hashable, CaseIterable {
  /// Any real scale.
  case real = "affine"
  /// Any real scale; quantizers of activations that have both signs reach as far below zero as above.
  case symmetric
  /// Powers of two, so that requantization is a shift.
  case powerOfTwo = "shift"
}

/// The form of the written graph.
public enum Target: String, Sendable, Hashable, CaseIterable {
  /// QuantizeLinear and DequantizeLinear placed and typed so that ONNX Runtime's CPU provider runs
  /// integer kernels; sub-byte weights are packed and cast to `int8` before they are dequantized.
  case ortCPU = "ort-cpu"
  /// Plain QuantizeLinear and DequantizeLinear, sub-byte weights dequantized directly, activations
  /// kept as separate operators: what pattern matchers of TensorRT and OpenVINO look for.
  case qdq
  /// QLinearConv, QLinearMatMul and their kind; ONNX Runtime's own domain where ONNX has none.
  case qoperator
  /// MatMulNBits of ONNX Runtime's own domain for products with a constant matrix; for weights alone,
  /// in groups. Other layers are written as for ``ortCPU``.
  case matMulNBits = "matmulnbits"
}
