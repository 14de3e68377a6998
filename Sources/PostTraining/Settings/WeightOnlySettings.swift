import Quantization

/// How a model is quantized whose activations stay in float.
public struct WeightOnlySettings: Sendable, Hashable {
  /// Sizes of groups that ``Target/matMulNBits`` can have.
  public static let blockSizes = [16, 32, 64, 128, 256]
  /// Whether every scale has a zero point, found together with it.
  public var hasZeroPoints: Bool

  /// Makes settings.
  public init(hasZeroPoints: Bool = false) { self.hasZeroPoints = hasZeroPoints }
}

extension QuantizationSettings {
  /// Whether groups of weights without zero points may have negative scales: where weights alone are
  /// quantized, and for runtimes that do not want scales above 0.
  var mirrorsGroups: Bool { weightOnly != nil && target != .qdq && scales != .powerOfTwo }

  /// Checks what goes together with weights alone, and what needs them.
  func validateWeightOnly() throws(SettingsError) {
    guard let weightOnly else {
      guard target != .matMulNBits else {
        throw SettingsError(
          "the target '\(target.rawValue)' has no quantized activations: it is for --weight-only")
      }
      return
    }
    func refuse(_ what: String) throws(SettingsError) {
      throw SettingsError("\(what) needs quantized activations: not with --weight-only")
    }
    if target == .qoperator { try refuse("the target 'qoperator'") }
    if accumulator != nil { try refuse("an accumulator of a width") }
    if requantization != .float { try refuse("requantization '\(requantization.rawValue)'") }
    for pass in [Improvement.sequential, .adaround, .reconstruct] where improvements.contains(pass)
    {
      try refuse("the improvement '\(pass.rawValue)'")
    }
    guard !weightOnly.hasZeroPoints || scales == .real else {
      throw SettingsError(
        "zero points of weights need the scheme '\(ScaleRule.real.rawValue)', not '\(scales.rawValue)'"
      )
    }
    if weightOnly.hasZeroPoints, improvements.contains(.gptq) {
      for granularity in [granularity] + layers.compactMap(\.granularity) {
        guard case .group = granularity else {
          throw SettingsError(
            "the improvement 'gptq' finds zero points for groups of weights alone, not with granularity "
              + "'\(granularity)': name a size (--group-size), or leave it out of --improve")
        }
      }
    }
    guard target == .matMulNBits else { return }
    for granularity in [granularity] + layers.compactMap(\.granularity) {
      guard case .group(let size) = granularity, WeightOnlySettings.blockSizes.contains(size) else {
        throw SettingsError(
          "granularity \(granularity): the target '\(target.rawValue)' has groups of "
            + "\(WeightOnlySettings.blockSizes.map(String.init).joined(separator: ", ")) weights "
            + "(--group-size)")
      }
    }
  }
}
