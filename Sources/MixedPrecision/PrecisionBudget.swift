public import PostTraining

/// What a model of mixed precision may cost.
public struct PrecisionBudget: Sendable, Hashable {
  /// What is counted.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Bytes of the constants that are written: weights, biases and scales, codes of few bits packed.
    case bytes
    /// Multiplications of a sample, each times the bits of both factors.
    case bops
    /// Nanoseconds of layers on the device, each measured alone, quantization of its input included.
    case time

    /// What a number of it is called.
    public var unit: String {
      switch self {
      case .bytes: "bytes"
      case .bops: "bit-operations"
      case .time: "ns"
      }
    }
  }

  /// How much.
  public enum Amount: Sendable, Hashable {
    /// In the kind's unit.
    case absolute(Int)
    /// A share of what the network costs with the first of the choices in all layers.
    case share(Double)
  }

  /// What is counted.
  public let kind: Kind
  /// How much of it; `nil` where only the curve is wanted.
  public let amount: Amount?

  /// Makes a budget.
  public init(_ kind: Kind, _ amount: Amount? = nil) {
    self.kind = kind
    self.amount = amount
  }

  /// Reads `bytes`, `bytes:48000`, `bops:25%`, `time:1500000`.
  ///
  /// - Throws: `SettingsError` showing the text.
  public init(parsing text: String) throws(SettingsError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard let kind = parts.first.flatMap(Kind.init(rawValue:)), parts.count < 3 else {
      throw Self.unreadable(text)
    }
    self.kind = kind
    guard parts.count == 2 else {
      amount = nil
      return
    }
    if parts[1].hasSuffix("%") {
      guard let percent = Double(parts[1].dropLast()), percent > 0, percent <= 100 else {
        throw Self.unreadable(text)
      }
      amount = .share(percent / 100)
    } else {
      guard let count = Int(parts[1]), count > 0 else { throw Self.unreadable(text) }
      amount = .absolute(count)
    }
  }

  private static func unreadable(_ text: String) -> SettingsError {
    let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
    return SettingsError(
      "'\(text)' is no budget: one of \(kinds), and behind it :NUMBER, or :P% of what the finest choice costs"
    )
  }

  /// The budget in its unit, where the finest choice costs `whole`.
  public func limit(of whole: Int) -> Int? {
    switch amount {
    case .absolute(let count)?: count
    case .share(let share)?: Int((share * Double(whole)).rounded(.down))
    case nil: nil
    }
  }
}
