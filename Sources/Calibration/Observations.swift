public import Quantization

/// What was seen of a model's values, for use at once. In a file it is bound to the model's digest:
/// ``Statistics``.
public struct Observations: Sendable, Hashable {
  /// The data that were seen.
  public let sources: [Statistics.Source]

  /// What was seen of each value, by name.
  public let tensors: [String: TensorStatistics]

  /// What is known without data: nothing.
  public init() { self.init(sources: [], tensors: [:]) }

  init(sources: [Statistics.Source], tensors: [String: TensorStatistics]) {
    self.sources = sources
    self.tensors = tensors
  }

  /// Samples seen.
  public var sampleCount: Int { sources.reduce(0) { $0 + $1.sampleCount } }

  /// The histograms by name.
  public var histograms: [String: Histogram] { tensors.mapValues(\.histogram) }

  /// The means of channels by name, where they were asked for.
  public var channelMeans: [String: [Double]] { tensors.compactMapValues { $0.channels?.means } }

  /// Moments of the patches that layers meet, by the name of the value, where they were asked for.
  public var patchMoments: [String: [PatchGeometry: PatchMoments]] {
    tensors.mapValues(\.patches).filter { !$0.value.isEmpty }
  }
}

extension Statistics {
  /// Binds observations to the model of this digest.
  public init(modelDigest: [UInt8], _ observations: Observations) {
    self.init(
      modelDigest: modelDigest, sources: observations.sources, tensors: observations.tensors)
  }

  /// What was seen.
  public var observations: Observations { Observations(sources: sources, tensors: tensors) }
}
