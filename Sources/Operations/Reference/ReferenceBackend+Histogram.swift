public import Quantization
public import Tensors

extension ReferenceBackend {
  /// Counts every element; see ``Quantization/Histogram`` for what is counted where.
  public func histogram(_ x: Tensor, layout: Histogram.Layout) -> Histogram {
    precondition(x.elementType == .float32, "a histogram of \(x)")
    return x.withElements(of: Float.self) { Histogram($0, layout: layout) }
  }

  /// Counts the elements of every slice.
  public func histograms(_ x: Tensor, axis: Int, layout: Histogram.Layout) -> [Histogram] {
    precondition(x.elementType == .float32, "histograms of \(x)")
    precondition(x.shape.indices.contains(axis), "axis \(axis) of \(x)")
    let extent = x.shape[axis]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    var histograms = [Histogram](repeating: Histogram(layout: layout), count: extent)
    x.withElements(of: Float.self) { elements in
      for start in stride(from: 0, to: elements.count, by: max(inner, 1)) {
        histograms[start / inner % extent].add(contentsOf: elements[start..<start + inner])
      }
    }
    return histograms
  }
}
