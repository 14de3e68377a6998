import Execution
public import Graph
public import Operations
import Quantization
import Tensors

/// Streams samples through a graph and counts the elements of chosen values.
///
/// Memory is that of one batch and of the histograms, whatever the number of samples. Counting is
/// exact and does not depend on order, and floats do not depend on the batch (see
/// <doc:CanonicalFloats>), so the result depends on the set of samples alone.
public struct Calibrator<B: Backend>: Sendable {
  /// The values that are observed, and what has been seen of each.
  public private(set) var tensors: [String: TensorStatistics]

  /// Samples seen.
  public private(set) var sampleCount = 0

  /// Whether NaN and infinities are counted instead of being an error.
  public let allowsNonFinite: Bool

  private let executor: Executor<B>
  private let names: Set<String>
  private let channelAxes: [String: ChannelAxis]
  private let patches: [String: Set<PatchGeometry>]
  private let memoryLimit: Int
  private var canBatch: Bool
  /// Bytes of all observed values of one sample; known after the first.
  private var bytesPerSample: Int?

  /// Prepares to run `graph` on `backend`.
  ///
  /// - Parameters:
  ///   - graph: The graph.
  ///   - names: The `float32` values to observe.
  ///   - channelAxes: Values of `names` whose channels' means are wanted too.
  ///   - patches: Values of `names` whose patches' moments are wanted too, and of which patches.
  ///   - backend: Where to run.
  ///   - allowsNonFinite: Whether NaN and infinities are counted instead of being an error.
  ///   - memoryLimit: Bytes that the observed values of a batch may take together.
  public init(
    _ graph: Graph, observing names: Set<String>, channelAxes: [String: ChannelAxis] = [:],
    patches: [String: Set<PatchGeometry>] = [:], on backend: B, allowsNonFinite: Bool = false,
    memoryLimit: Int = 128 << 20
  ) throws {
    executor = try Executor(graph, on: backend)
    self.names = names
    self.channelAxes = channelAxes
    self.patches = patches
    self.allowsNonFinite = allowsNonFinite
    self.memoryLimit = memoryLimit
    canBatch = !graph.inputs.isEmpty && graph.inputs.allSatisfy(\.hasOpenBatch)
    tensors = Dictionary(uniqueKeysWithValues: names.map { ($0, TensorStatistics()) })
  }

  /// The number of samples to pass to ``add(_:)`` at once: 1 where the model's batch is fixed, and
  /// for the first sample, which shows what memory it takes.
  public var preferredBatch: Int {
    guard canBatch, let bytesPerSample else { return 1 }
    return min(max(memoryLimit / max(bytesPerSample, 1), 1), Self.largestBatch)
  }

  /// Enough for any device to be busy.
  private static var largestBatch: Int { 64 }

  /// Runs samples and counts.
  ///
  /// - Throws: ``CalibrationError`` naming tensor and sample for NaN and infinities, unless they are
  ///   allowed; what the executor throws.
  public mutating func add(_ samples: [CalibrationSample]) throws {
    guard !samples.isEmpty else { return }
    if samples.count > 1, canBatch, let batch = CalibrationSample.joined(samples) {
      do {
        return try count(batch, of: samples)
      } catch is SamplesInterwoven {
        canBatch = false
      }
    }
    for sample in samples { try count(sample.inputs, of: [sample]) }
  }

  /// The first dimension of a value whose patches are wanted does not count samples: which patches are
  /// of which sample cannot be told.
  private struct SamplesInterwoven: Error {}

  private mutating func count(
    _ inputs: [String: Tensor], of samples: [CalibrationSample]
  ) throws {
    var started: [Started] = []
    _ = try executor.run(inputs, observing: names) { name, value in
      guard value.elementType == .float32 else { return }
      let geometries = patches[name] ?? []
      guard geometries.isEmpty || samples.count == 1 || value.shape.first == samples.count else {
        throw SamplesInterwoven()
      }
      started.append(
        Started(
          name: name, count: value.count,
          histogram: try executor.backend.startHistogram(value, layout: .growing()),
          means: try channelAxes[name].flatMap { try channelMeans(of: value, $0) },
          patches: try geometries.compactMap {
            try PendingPatches($0, of: value, samples: samples.count, on: executor.backend)
          }))
    }
    // Nothing is kept of a batch that fails.
    var found: [(histogram: Histogram, means: [Float])] = []
    for one in started {
      let histogram = try one.histogram.histogram()
      if !allowsNonFinite, histogram.nans + histogram.infinities > 0 {
        let sample = try culprit(for: one.name, among: samples)
        throw CalibrationError(
          "\(sample): tensor '\(one.name)' holds \(histogram.nans) NaN and "
            + "\(histogram.infinities) infinite elements")
      }
      let means = try one.means.map {
        try executor.backend.download($0.means).array(of: Float.self)
      }
      found.append((histogram, means ?? []))
    }
    for (one, seen) in zip(started, found) {
      tensors[one.name]?.add(seen.histogram, elementCount: one.count)
      if let channels = one.means?.channels {
        try addChannels(seen.means, count: channels, to: one.name)
      }
      for pending in one.patches { try addPatches(pending, to: one.name) }
    }
    sampleCount += samples.count
    if bytesPerSample == nil, samples.count == 1 {
      bytesPerSample = started.reduce(0) { sum, one in
        one.patches.reduce(sum + 4 * one.count) { $0 + 4 * $1.count }
      }
    }
  }

  private mutating func addChannels(_ means: [Float], count: Int, to name: String) throws {
    let sums = tensors[name]?.channels ?? ChannelSums(channels: count)
    guard sums.sums.count == count else {
      throw CalibrationError("'\(name)' has another number of channels in other samples")
    }
    tensors[name]?.channels = sums
    tensors[name]?.channels?.add(means)
  }

  private mutating func addPatches(_ pending: PendingPatches<B>, to name: String) throws {
    let key = pending.geometry
    let layout = tensors[name]?.patches[key]?.layout ?? pending.layout
    guard layout == pending.layout else {
      throw CalibrationError("'\(name)' has another number of channels in other samples")
    }
    let samples = try pending.samples(from: executor.backend)
    tensors[name]?.patches[key, default: PatchMoments(layout)].add(samples)
  }

  /// What the backend is counting of one value.
  private struct Started {
    let name: String
    let count: Int
    let histogram: PendingHistogram
    let means: (means: B.Value, channels: Int)?
    let patches: [PendingPatches<B>]
  }

  /// The means over everything but the first dimension and the channels, sample after sample; `nil`
  /// where there is no dimension of channels.
  private func channelMeans(
    of value: B.Value, _ axis: ChannelAxis
  ) throws -> (means: B.Value, channels: Int)? {
    let channelAxis = axis.index(rank: value.rank)
    guard value.rank > 1, channelAxis > 0, value.count > 0 else { return nil }
    let axes = (1..<value.rank).filter { $0 != channelAxis }
    let means = axes.isEmpty ? value : try executor.backend.reduce(.mean, value, axes: axes)
    return (means, value.shape[channelAxis])
  }

  /// The first of `samples` in which the value is not finite.
  private func culprit(for name: String, among samples: [CalibrationSample]) throws -> String {
    guard samples.count > 1 else { return samples.first?.name ?? "" }
    for sample in samples {
      var isFinite = true
      _ = try executor.run(sample.inputs, observing: [name]) { _, value in
        let histogram = try executor.backend.histogram(value)
        isFinite = histogram.nans + histogram.infinities == 0
      }
      if !isFinite { return sample.name }
    }
    return "samples '\(samples.first?.name ?? "")' to '\(samples.last?.name ?? "")' together"
  }

  /// What has been seen of the data that `source` describes.
  ///
  /// - Throws: ``CalibrationError`` when a value was never computed.
  public func observations(
    of source: Statistics.Source
  ) throws(CalibrationError) -> Observations {
    guard sampleCount > 0 else { throw CalibrationError("there are no samples to calibrate with") }
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) where tensor.elementCount == 0 {
      throw CalibrationError("the value '\(name)' had no elements in any sample")
    }
    return Observations(sources: [source], tensors: tensors)
  }
}

extension ValueInfo {
  /// Whether the first dimension is open, so that samples can be put together along it.
  package var hasOpenBatch: Bool {
    guard let first = shape?.first else { return false }
    if case .fixed = first { return false }
    return true
  }
}
