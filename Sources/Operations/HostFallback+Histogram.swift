public import Quantization

/// A histogram that a device may still be counting.
public struct PendingHistogram: Sendable {
  private let result: @Sendable () throws -> Histogram

  package init(_ result: @escaping @Sendable () throws -> Histogram) { self.result = result }

  /// Waits for it. Throws what went wrong on the device meanwhile.
  public func histogram() throws -> Histogram { try result() }
}

extension Backend {
  /// Counted at once.
  public func startHistogram(
    _ x: Value, layout: Histogram.Layout
  ) throws -> PendingHistogram {
    let histogram = try histogram(x, layout: layout)
    return PendingHistogram { histogram }
  }

  /// The histogram of all elements with the default layout, which grows with the data.
  public func histogram(_ x: Value) throws -> Histogram {
    try histogram(x, layout: .growing())
  }

  /// One histogram for every index of `axis` with the default layout.
  public func histograms(_ x: Value, axis: Int) throws -> [Histogram] {
    try histograms(x, axis: axis, layout: .growing())
  }
}

extension HostFallback {
  /// The reference's histogram.
  public func histogram(_ x: Value, layout: Histogram.Layout) throws -> Histogram {
    noteHostOperation("histogram")
    return ReferenceBackend.shared.histogram(try download(x), layout: layout)
  }

  /// The reference's histograms.
  public func histograms(
    _ x: Value, axis: Int, layout: Histogram.Layout
  ) throws -> [Histogram] {
    noteHostOperation("histograms")
    return ReferenceBackend.shared.histograms(try download(x), axis: axis, layout: layout)
  }
}
