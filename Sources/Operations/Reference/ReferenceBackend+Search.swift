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
    precondition(x.elementType == .float32 && x.rank == 2, "rows of \(x)")
    let count = x.shape[1]
    return x.withElements(of: Float.self) { elements in
      (0..<x.shape[0]).map { row in
        QuantizerSearch.fit(
          UnsafeBufferPointer(rebasing: elements[row * count..<(row + 1) * count]),
          levels: levels, scheme: scheme)
      }
    }
  }
}
