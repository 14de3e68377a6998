public import Operations
public import Quantization
import Tensors

extension OpenCLBackend {
  /// Counts every element; see `Kernels/histogram`.
  public func histogram(_ x: Value, layout: Histogram.Layout) throws -> Histogram {
    try histogram(x, layout: layout, form: histogramForm)
  }

  /// Starts counting every element.
  public func startHistogram(
    _ x: Value, layout: Histogram.Layout
  ) throws -> PendingHistogram {
    let job = HistogramJob(
      outer: 1, extent: 1, inner: x.count, layout: layout, form: histogramForm)
    let count = try start(
      job, x, first: 0, channels: 1, slices: job.slices(facts))
    return PendingHistogram { [self] in try read(count, job)[0] }
  }

  /// One histogram for every index of `axis`.
  public func histograms(
    _ x: Value, axis: Int, layout: Histogram.Layout
  ) throws -> [Histogram] {
    try histograms(x, axis: axis, layout: layout, form: histogramForm)
  }

  private var histogramForm: HistogramForm {
    facts.isCPU ? .stream : .scatter
  }

  /// Neighbouring values of a channel that kernels read efficiently: a vector's.
  private static let shortestRun = 16

  /// Which of the two kernels counts.
  package enum HistogramForm: Sendable, CaseIterable {
    /// One work-item a group, one pass, no atomics: CPU devices.
    case stream
    /// Local atomics, two passes: devices of many threads.
    case scatter
  }

  package func histogram(
    _ x: Value, layout: Histogram.Layout, form: HistogramForm
  ) throws -> Histogram {
    let job = HistogramJob(outer: 1, extent: 1, inner: x.count, layout: layout, form: form)
    return try run(job, x)[0]
  }

  package func histograms(
    _ x: Value, axis: Int, layout: Histogram.Layout, form: HistogramForm
  ) throws -> [Histogram] {
    precondition(x.shape.indices.contains(axis), "axis \(axis) of \(x.shape)")
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let outer = x.shape[..<axis].reduce(1, *)
    let extent = x.shape[axis]
    if inner < Self.shortestRun, outer > 1, extent > 1, x.count <= Int(Int32.max) {
      // Channels last: brought to the front once, instead of read in snippets once a channel.
      let channels = try transpose(reshape(x, to: [outer, extent, inner]), [1, 0, 2])
      return try histograms(channels, axis: 0, layout: layout, form: form)
    }
    let job = HistogramJob(outer: outer, extent: extent, inner: inner, layout: layout, form: form)
    return try run(job, x)
  }

  private func run(_ job: HistogramJob, _ x: Value) throws -> [Histogram] {
    let slices = job.slices(facts)
    let tableBytes = job.tableLength * 4 * (job.form == .stream ? slices : 1)
    let batch = max(1, (64 << 20) / tableBytes)
    var histograms: [Histogram] = []
    histograms.reserveCapacity(job.extent)
    for first in stride(from: 0, to: job.extent, by: batch) {
      let channels = min(batch, job.extent - first)
      histograms += try read(
        start(job, x, first: first, channels: channels, slices: slices), job)
    }
    return histograms
  }

  /// What kernels have been enqueued to count: tables and facts, `parts` of them for a channel.
  private struct Count {
    let tables: Value
    let facts: Value
    let parts: Int
  }

  private func start(
    _ job: HistogramJob, _ x: Value, first: Int, channels: Int, slices: Int
  ) throws -> Count {
    precondition(x.elementType == .float32, "histograms of \(x.elementType)")
    return switch job.form {
    case .stream: try stream(job, x, first: first, channels: channels, slices: slices)
    case .scatter: try scatter(job, x, first: first, channels: channels, slices: slices)
    }
  }

  private func read(_ count: Count, _ job: HistogramJob) throws -> [Histogram] {
    let parts = try job.histograms(tables: download(count.tables), facts: download(count.facts))
    guard count.parts > 1 else { return parts }
    return stride(from: 0, to: parts.count, by: count.parts).map { first in
      var merged = parts[first]
      for part in parts[(first + 1)..<(first + count.parts)] { merged.merge(part) }
      return merged
    }
  }

  private func stream(
    _ job: HistogramJob, _ x: Value, first: Int, channels: Int, slices: Int
  ) throws -> Count {
    let groups = channels * slices
    let tables = try makeValue(.uint32, [groups, job.tableLength])
    let facts = try makeValue(.int32, [groups, HistogramJob.Fact.count])
    try launch(
      DeviceKernel(
        "histogram/stream.cl", "stream", job.definitions, preludes: ["histogram/facts.cl"]),
      global: [groups], local: [1], x, tables, facts, UInt64(job.outer), UInt64(job.extent),
      UInt64(job.inner), UInt32(first),
      UInt32(slices), Int32(job.layout.fixedExponent ?? 0))
    return Count(tables: tables, facts: facts, parts: slices)
  }

  private func scatter(
    _ job: HistogramJob, _ x: Value, first: Int, channels: Int, slices: Int
  ) throws -> Count {
    let tables = try makeValue(.uint32, [channels, job.tableLength])
    let facts = try makeValue(.int32, [channels, HistogramJob.Fact.count])
    // Some local memory stays for the other counters.
    var window = 2 * job.layout.binsPerSide
    while window * 4 + 1024 > self.facts.localMemorySize { window /= 2 }
    let definitions = job.definitions + ["WINDOW=\(window)"]
    func kernel(_ function: String) -> DeviceKernel {
      DeviceKernel(
        "histogram/scatter.cl", function, definitions, preludes: ["histogram/facts.cl"])
    }
    let group = workGroup([self.facts.number(.histogramItems)])
    try launch(kernel("clear"), global: [channels * group[0]], local: group, tables, facts)
    let global = [channels * slices * group[0]]
    let shape = (UInt64(job.outer), UInt64(job.extent), UInt64(job.inner))
    try launch(
      kernel("range"), global: global, local: group, x, facts, shape.0, shape.1, shape.2,
      UInt32(first), UInt32(slices))
    for start in stride(from: 0, to: 2 * job.layout.binsPerSide, by: window) {
      try launch(
        kernel("scatter"), global: global, local: group, x, tables, facts, shape.0, shape.1,
        shape.2, UInt32(first), UInt32(slices), Int32(job.layout.fixedExponent ?? 0),
        UInt32(start))
    }
    return Count(tables: tables, facts: facts, parts: 1)
  }
}
