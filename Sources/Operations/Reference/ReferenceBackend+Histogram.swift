public import Quantization
import Synchronization
public import Tensors

extension ReferenceBackend {
  /// Counts every element; see ``Quantization/Histogram`` for what is counted where.
  ///
  /// Parts are counted at the same time: merging is exact, so that neither their number nor their
  /// order shows in the result.
  public func histogram(_ x: Tensor, layout: Histogram.Layout) -> Histogram {
    precondition(x.elementType == .float32, "a histogram of \(x)")
    return x.withElements(of: Float.self) { elements in
      let whole = Mutex(Histogram(layout: layout))
      concurrentRanges(elements.count, grain: elementGrain) { range in
        let part = Histogram(UnsafeBufferPointer(rebasing: elements[range]), layout: layout)
        whole.withLock { $0.merge(part) }
      }
      return whole.withLock { $0 }
    }
  }

  /// Counts the elements of every slice, several slices at the same time.
  public func histograms(_ x: Tensor, axis: Int, layout: Histogram.Layout) -> [Histogram] {
    precondition(x.elementType == .float32, "histograms of \(x)")
    precondition(x.shape.indices.contains(axis), "axis \(axis) of \(x)")
    let extent = x.shape[axis]
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    var histograms = [Histogram](repeating: Histogram(layout: layout), count: extent)
    histograms.withUnsafeMutableBufferPointer { histograms in
      x.withElements(of: Float.self) { elements in
        concurrently(elements.isEmpty ? 0 : extent) { index in
          let starts = stride(from: index * inner, to: elements.count, by: extent * inner)
          for start in starts {
            histograms[index].add(
              contentsOf: UnsafeBufferPointer(rebasing: elements[start..<start + inner]))
          }
        }
      }
    }
    return histograms
  }
}
