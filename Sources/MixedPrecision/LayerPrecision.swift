public import PostTraining

/// Levels of a layer's weights and of the activations that it reads.
public struct LayerPrecision: Sendable, Hashable, CustomStringConvertible {
  /// Levels of the weights.
  public let weightLevels: Int
  /// Levels of the activations that the layer reads.
  public let activationLevels: Int

  /// Makes a precision.
  public init(weightLevels: Int, activationLevels: Int) {
    self.weightLevels = weightLevels
    self.activationLevels = activationLevels
  }

  /// Reads `w4a8` in bits or `23x256` in levels.
  ///
  /// - Throws: `SettingsError` showing the text.
  public init(parsing text: String) throws(SettingsError) {
    let unreadable = SettingsError(
      "'\(text)' is no precision such as w4a8, or 23x256 in levels")
    guard !text.contains(":"), let rule = try? LayerRule(parsing: "*:\(text)") else {
      throw unreadable
    }
    guard let weights = rule.weightLevels, let activations = rule.activationLevels else {
      throw SettingsError(
        "'\(text)' does not say levels of weights and of activations, as w4a8 does")
    }
    self.init(weightLevels: weights, activationLevels: activations)
    var settings = QuantizationSettings()
    apply(to: &settings)
    do {
      try settings.validate()
    } catch {
      throw SettingsError("'\(text)': \(error)")
    }
  }

  /// `w4a8` where both counts are powers of two, else `23x256`.
  public var description: String {
    guard weightLevels.nonzeroBitCount == 1, activationLevels.nonzeroBitCount == 1 else {
      return "\(weightLevels)x\(activationLevels)"
    }
    return "w\(weightLevels.trailingZeroBitCount)a\(activationLevels.trailingZeroBitCount)"
  }

  /// Bits that codes of weights and activations have: the logarithms of the levels, rounded up.
  public var bits: (weights: Int, activations: Int) {
    (Self.bits(weightLevels), Self.bits(activationLevels))
  }

  private static func bits(_ levels: Int) -> Int { Int.bitWidth - (levels - 1).leadingZeroBitCount }

  /// Makes it the precision of all layers.
  public func apply(to settings: inout QuantizationSettings) {
    settings.weights.levels = weightLevels
    settings.activations.levels = activationLevels
  }

  /// The rule that gives it to the layer of this label.
  func rule(forLayer label: String) -> LayerRule {
    LayerRule(
      NodePattern(exactly: label), weightLevels: weightLevels, activationLevels: activationLevels)
  }
}
