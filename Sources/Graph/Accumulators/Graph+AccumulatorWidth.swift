/// The width of accumulators that a model is made for.
public enum AccumulatorWidth {
  /// The key of a model's metadata under which it stands, as a number.
  public static let metadataKey = "qtool.accumulator-bits"
  /// The widths that can be asked for, in bits, the sign included.
  public static let range = 8...32
  /// What accumulators have where a model does not say.
  public static let standard = 32
}

extension Graph {
  /// The bits of the accumulators that the model was made for; `nil` where it does not say.
  ///
  /// - Throws: ``GraphError`` for an entry that is no width.
  public func accumulatorBits() throws(GraphError) -> Int? {
    guard let text = metadata[AccumulatorWidth.metadataKey] else { return nil }
    guard let bits = Int(text), AccumulatorWidth.range.contains(bits) else {
      throw .unsupported(
        "the metadata entry '\(AccumulatorWidth.metadataKey)' is '\(text)'; widths are "
          + "\(AccumulatorWidth.range.lowerBound) to \(AccumulatorWidth.range.upperBound) bits")
    }
    return bits
  }
}
