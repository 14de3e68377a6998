/// Settings of the layers that a pattern chooses, written `PATTERN:setting`.
public struct LayerRule: Sendable, Hashable {
  /// The layers.
  public var pattern: NodePattern
  /// Levels of the weights.
  public var weightLevels: Int?
  /// Levels of the input activations.
  public var activationLevels: Int?
  /// What shares a weight scale.
  public var granularity: Granularity?
  /// Whether the layers stay in float.
  public var staysFloat: Bool

  /// Makes a rule; what is `nil` is left as it was.
  public init(
    _ pattern: NodePattern, weightLevels: Int? = nil, activationLevels: Int? = nil,
    granularity: Granularity? = nil, staysFloat: Bool = false
  ) {
    self.pattern = pattern
    self.weightLevels = weightLevels
    self.activationLevels = activationLevels
    self.granularity = granularity
    self.staysFloat = staysFloat
  }

  /// Reads `PATTERN:setting`; the setting follows the last colon that starts one, since names of
  /// nodes may hold colons.
  ///
  /// Settings: `float`; `w4`, `a8`, `w4a8` in bits; `23x256` or `w=23,a=256` in levels; `tensor`,
  /// `channel`, `group:N`.
  ///
  /// - Throws: ``SettingsError`` showing the rule.
  public init(parsing text: String) throws(SettingsError) {
    var end = text.endIndex
    while let colon = text[..<end].lastIndex(of: ":") {
      let setting = String(text[text.index(after: colon)...])
      let pattern = String(text[..<colon])
      if !pattern.isEmpty, pattern != "op", let rule = Self.rule(NodePattern(pattern), setting) {
        self = rule
        return
      }
      end = colon
    }
    throw SettingsError(
      "'\(text)' is not PATTERN:setting with a setting such as float, w4, a8, w4a8, 23x256, "
        + "tensor, channel or group:32")
  }

  private static func rule(_ pattern: NodePattern, _ setting: String) -> LayerRule? {
    if setting == "float" { return LayerRule(pattern, staysFloat: true) }
    if let granularity = Granularity(parsing: setting) {
      return LayerRule(pattern, granularity: granularity)
    }
    let sides = setting.split(separator: "x", omittingEmptySubsequences: false)
    if sides.count == 2, let weights = Int(sides[0]), let activations = Int(sides[1]) {
      return LayerRule(pattern, weightLevels: weights, activationLevels: activations)
    }
    return bits(pattern, setting) ?? levels(pattern, setting)
  }

  /// `w4`, `a8`, `w4a8`
  private static func bits(_ pattern: NodePattern, _ setting: String) -> LayerRule? {
    var rule = LayerRule(pattern)
    var rest = setting[...]
    if rest.first == "w" {
      let digits = rest.dropFirst().prefix(while: \.isNumber)
      guard let bits = Int(digits), (1...16).contains(bits) else { return nil }
      rule.weightLevels = 1 << bits
      rest = rest.dropFirst(1 + digits.count)
    }
    if rest.first == "a" {
      let digits = rest.dropFirst().prefix(while: \.isNumber)
      guard let bits = Int(digits), (1...16).contains(bits) else { return nil }
      rule.activationLevels = 1 << bits
      rest = rest.dropFirst(1 + digits.count)
    }
    return rest.isEmpty && !setting.isEmpty ? rule : nil
  }

  /// `w=23,a=256`
  private static func levels(_ pattern: NodePattern, _ setting: String) -> LayerRule? {
    var rule = LayerRule(pattern)
    for part in setting.split(separator: ",", omittingEmptySubsequences: false) {
      guard let levels = Int(part.dropFirst(2)) else { return nil }
      switch part.prefix(2) {
      case "w=": rule.weightLevels = levels
      case "a=": rule.activationLevels = levels
      default: return nil
      }
    }
    return rule
  }
}
