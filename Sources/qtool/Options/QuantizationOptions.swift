public import ArgumentParser
public import LowBit

/// How a model is quantized.
struct QuantizationOptions: ParsableArguments {
  @Option(help: "w8a8, w4a8, w4a4 or 4.6bit; single options below win.")
  var preset: Preset = .w8a8

  @Option(help: ArgumentHelp("Bits of weights, 1 to 8.", valueName: "bits"))
  var weightBits: Int?

  @Option(help: ArgumentHelp("Levels of weights, 2 to 256.", valueName: "count"))
  var weightLevels: Int?

  @Option(help: ArgumentHelp("Bits of activations, 1 to 16.", valueName: "bits"))
  var activationBits: Int?

  @Option(help: ArgumentHelp("Levels of activations, 2 to 65536.", valueName: "count"))
  var activationLevels: Int?

  @Option(
    help: ArgumentHelp(
      "How ranges of activations are chosen: minmax, percentile[:P], mse, entropy, or "
        + "crossentropy (mse, and for the last of a classifier what changes probabilities least; needs "
        + "--data).",
      valueName: "method"))
  var range: RangeMethod = QuantizationSettings().activationRange

  @Option(
    help: ArgumentHelp(
      "How ranges of weights are chosen, as for --range; minmax above 128 levels, else mse, layer by layer.",
      valueName: "method"))
  var weightRange: RangeMethod?

  @Option(
    help: ArgumentHelp("What shares a weight scale: tensor, channel or group:N.", valueName: "what")
  )
  var granularity: Granularity = .channel

  @Option(help: "ort-cpu, qdq, qoperator, or with --weight-only matmulnbits.")
  var target: Target = .ortCPU

  @Option(
    help: "affine (any scale), symmetric (activations of both signs, too) or shift (powers of two)."
  )
  var scheme: ScaleRule = .real

  @Option(
    help: ArgumentHelp(
      "How the integer engine turns sums into codes: float (multiplier, half to even, as ONNX Runtime), "
        + "fixed-point (integer multiplier and shift, half up), or with --scheme shift round (shift, half "
        + "up) or sadl (shift, towards minus infinity).",
      valueName: "name"))
  var requantization = Requantization.float

  @Flag(
    name: .customLong("first-last"), inversion: .prefixedNo,
    help: "Keep the first and the last layers at 256 levels; the low-bit presets do.")
  var keepsBorders: Bool?

  @Option(
    help: ArgumentHelp(
      "What is done to lose less, separated by commas: cle (channels are scaled so that all have similar "
        + "weights; not with --stats), absorb (what channels have at least moves to the next bias; not with "
        + "--stats), outputs (scales of weights with range mse are "
        + "chosen, filter by filter, by the error of outputs), squant (rounding errors cancel in kernels and "
        + "channels), gptq (weights make up for the rounding of others), sequential (each "
        + "layer is fitted to what the quantized ones before it give; needs --data), gain (outputs do not shrink; not with --scheme shift), bias (the mean error of "
        + "weights is taken out of biases), analytic-bias (the same by normalizations in place of data), "
        + "adaround (each layer's rounding is learned), reconstruct (rounding, "
        + "scales and biases are learned block by block; both need --data), or none; unless said "
        + "outputs,squant,gain,bias as far as they apply.",
      valueName: "pass"))
  var improve: String?

  @Option(
    help: ArgumentHelp(
      "Quantize only these nodes: globs over names, or op:TYPE.", valueName: "glob"))
  var only: [String] = []

  @Option(help: ArgumentHelp("Leave these nodes in float.", valueName: "glob"))
  var skip: [String] = []

  @Option(
    help: ArgumentHelp(
      "Settings of single layers: float, w4, a8, w4a8, 23x256 (levels), tensor, channel, group:N.",
      valueName: "glob:setting"))
  var layer: [String] = []

  /// The settings that the options make, with those for weights alone where there are such.
  func settings(_ weightOnly: WeightOnlyOptions? = nil) throws -> QuantizationSettings {
    var settings = QuantizationSettings(
      granularity: granularity, scales: scheme, requantization: requantization, target: target,
      only: only.map(NodePattern.init(_:)), skip: skip.map(NodePattern.init(_:)),
      layers: try layer.map { try LayerRule(parsing: $0) })
    preset.apply(to: &settings)
    settings.activations.range = range
    if let levels = try Self.levels(weightBits, weightLevels, "weight", 1...8) {
      settings.weights.levels = levels
    }
    settings.weights.range = weightRange
    if let levels = try Self.levels(activationBits, activationLevels, "activation", 1...16) {
      settings.activations.levels = levels
    }
    try weightOnly?.apply(to: &settings)
    if let improve { settings.improvements = try Self.passes(improve) }
    if let keepsBorders { settings.borderLevels = keepsBorders ? 256 : nil }
    try settings.validate()
    return settings
  }

  private static func passes(_ text: String) throws -> Set<Improvement> {
    guard text != "none" else { return [] }
    return try Set(
      text.split(separator: ",", omittingEmptySubsequences: false).map { name in
        guard let pass = Improvement(rawValue: String(name)) else {
          let known = Improvement.allCases.map(\.rawValue).joined(separator: ", ")
          throw UsageError("--improve \(text): '\(name)' is none of \(known), or none alone")
        }
        return pass
      })
  }

  private static func levels(
    _ bits: Int?, _ levels: Int?, _ what: String, _ range: ClosedRange<Int>
  ) throws -> Int? {
    guard bits == nil || levels == nil else {
      throw UsageError("--\(what)-bits and --\(what)-levels say the same thing: give one")
    }
    guard let bits else { return levels }
    guard range.contains(bits) else {
      throw UsageError(
        "--\(what)-bits \(bits): \(range.lowerBound) to \(range.upperBound) are possible")
    }
    return 1 << bits
  }
}

extension Preset: ExpressibleByArgument {}
extension Target: ExpressibleByArgument {}
extension ScaleRule: ExpressibleByArgument {}
extension Requantization: ExpressibleByArgument {}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension RangeMethod: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public var defaultValueDescription: String { description }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Granularity: ExpressibleByArgument {
  public init?(argument: String) { self.init(parsing: argument) }
  public var defaultValueDescription: String { description }
}
