public import Quantization

extension Requantization {
  /// The key of a model's metadata under which its ``Requantization`` is written.
  public static let metadataKey = "qtool.requantization"

  /// What models said before there was a choice.
  private static let formerName = "half-even float multiplier"

  /// The arithmetic that a model's metadata name.
  fileprivate init?(metadata name: String) {
    self.init(rawValue: name == Self.formerName ? Self.float.rawValue : name)
  }
}

extension Graph {
  /// The arithmetic that the model was made for; ``Quantization/Requantization/float`` where it does not
  /// say.
  ///
  /// - Throws: ``GraphError`` for a name that is not known.
  public func requantization() throws -> Requantization {
    guard let name = metadata[Requantization.metadataKey] else { return .float }
    guard let found = Requantization(metadata: name) else {
      let known = Requantization.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw GraphError.unsupported(
        "the metadata entry '\(Requantization.metadataKey)' is '\(name)'; known are \(known)")
    }
    return found
  }
}
