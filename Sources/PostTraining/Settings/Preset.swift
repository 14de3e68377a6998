/// Named settings.
public enum Preset: String, Sendable, Hashable, CaseIterable {
  /// 256 levels everywhere.
  case w8a8
  /// 16 levels for weights, 256 for activations; first and last layers at 256.
  case w4a8
  /// 16 levels everywhere; first and last layers at 256.
  case w4a4
  /// 23 levels for weights and activations, whose products fit a signed byte (see
  /// ``Preset/levelPairs``); first and last layers at 256.
  case bits4Point6 = "4.6bit"

  /// Pairs of level counts (weights, activations) of 4.6-bit quantization: with activations centred,
  /// no product of two codes exceeds 127, so products fit a signed byte.
  ///
  /// The activation count that belongs to a weight count N is `2 * floor(127 / floor(N / 2)) + 1`.
  public static let levelPairs: [(weights: Int, activations: Int)] = [
    (5, 127), (7, 85), (9, 63), (11, 51), (13, 43), (15, 37), (17, 31), (19, 29), (21, 25),
    (23, 23), (25, 21), (29, 19), (31, 17), (37, 15), (43, 13), (51, 11), (63, 9), (85, 7),
    (127, 5),
  ]

  /// Levels of weights and activations.
  public var levels: (weights: Int, activations: Int) {
    switch self {
    case .w8a8: (256, 256)
    case .w4a8: (16, 256)
    case .w4a4: (16, 16)
    case .bits4Point6: (23, 23)
    }
  }

  /// Levels of the first and the last layers; `nil` when they are like the others.
  public var borderLevels: Int? { self == .w8a8 ? nil : 256 }

  /// Puts the preset's level counts into `settings`.
  public func apply(to settings: inout QuantizationSettings) {
    (settings.weights.levels, settings.activations.levels) = levels
    settings.borderLevels = borderLevels
  }
}
