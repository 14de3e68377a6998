public import Quantization

extension HostFallback {
  /// The reference's search.
  public func searchQuantizers(
    _ histograms: [Histogram], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    noteHostOperation("searchQuantizers")
    return ReferenceBackend.shared.searchQuantizers(histograms, levels: levels, scheme: scheme)
  }

  /// The reference's search.
  public func searchQuantizers(
    rows x: Value, levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    noteHostOperation("searchQuantizers")
    return ReferenceBackend.shared.searchQuantizers(
      rows: try download(x), levels: levels, scheme: scheme)
  }

  /// The reference's search.
  public func searchQuantizers(
    _ x: Value, rowEnds: [Int], levels: Int, scheme: Scheme
  ) throws -> [QuantizerFit] {
    noteHostOperation("searchQuantizers")
    return ReferenceBackend.shared.searchQuantizers(
      try download(x), rowEnds: rowEnds, levels: levels, scheme: scheme)
  }
}
