/// Groups of channels of the activations that enter products with constant matrices, each with a quantizer
/// of its own.
public struct ActivationGroupSettings: Sendable, Hashable {
  /// How many groups the channels of an activation are cut into; as many as there are channels where these
  /// are fewer.
  public var count: Int
  /// Whether channels of similar ranges come into one group; otherwise neighbours do.
  public var permutes: Bool

  /// Makes settings.
  public init(count: Int, permutes: Bool = true) {
    self.count = count
    self.permutes = permutes
  }

  /// Checks the count, and what groups go with.
  func validate(_ settings: QuantizationSettings) throws(SettingsError) {
    guard count >= 2 else {
      throw SettingsError("\(count) groups of activation channels: 2 or more are possible")
    }
    guard settings.weightOnly == nil else {
      throw SettingsError(
        "groups of activation channels need quantized activations: not with --weight-only")
    }
  }
}
