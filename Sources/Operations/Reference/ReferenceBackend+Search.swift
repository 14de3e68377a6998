public import Quantization
public import Tensors

extension ReferenceBackend {
  /// The quantizer of the least squared error found for every histogram.
  public func searchQuantizers(
    _ histograms: [Histogram], levels: Int, scheme: Scheme
  ) -> [QuantizerFit] {
    histograms.map { QuantizerSearch.fit($0, levels: levels, scheme: scheme) }
  }

  /// The quantizer of the least squared error found for every row.
  public func searchQuantizers(
    rows x: Tensor, levels: Int, scheme: Scheme
  ) -> [QuantizerFit] {
    precondition(x.rank == 2, "rows of \(x)")
    return searchQuantizers(
      x, rowEnds: (0..<x.shape[0]).map { ($0 + 1) * x.shape[1] }, levels: levels, scheme: scheme)
  }

  /// The quantizer of the least squared error found for every row.
  public func searchQuantizers(
    _ x: Tensor, rowEnds: [Int], levels: Int, scheme: Scheme
  ) -> [QuantizerFit] {
    precondition(x.elementType == .float32 && rowEnds.last ?? 0 <= x.count, "rows of \(x)")
    return x.withElements(of: Float.self) { elements in
      zip([0] + rowEnds, rowEnds).map { start, end in
        QuantizerSearch.fit(
          UnsafeBufferPointer(rebasing: elements[start..<end]), levels: levels, scheme: scheme)
      }
    }
  }
}
