import Calibration
import Execution
import Graph
import Operations
import Tensors

/// The smallest and the largest value of every channel, which is an index along one axis.
struct ChannelRanges: Equatable {
  var minima: [Float]
  var maxima: [Float]

  /// The number of channels.
  var count: Int { minima.count }

  /// Takes in those of other data.
  mutating func merge(_ other: ChannelRanges) {
    for channel in minima.indices {
      minima[channel] = min(minima[channel], other.minima[channel])
      maxima[channel] = max(maxima[channel], other.maxima[channel])
    }
  }
}

extension Graph {
  /// Runs samples and looks at the channels of `values`.
  ///
  /// - Parameter axis: Where values have their channels.
  /// - Returns: The ranges by name; values whose number of channels is not the same in all samples are missing.
  /// - Throws: `GraphError` naming value and sample where one is not finite.
  func channelRanges<B: Backend>(
    of values: [String], axis: ChannelAxis = .last, _ replay: CalibrationReplay, on backend: B
  ) throws -> [String: ChannelRanges] {
    let executor = try Executor(giving(Set(values)), on: backend)
    var found: [String: ChannelRanges] = [:]
    var contradicted: Set<String> = []
    try replay.forEachBatch(of: Array(0..<replay.count), self) { inputs, samples in
      // Nothing is downloaded but two numbers a channel.
      let results = try executor.compute(inputs.mapValues { try backend.upload($0) })
      for name in values {
        guard let value = results[name], value.rank > (axis == .last ? 0 : 1), value.count > 0
        else { continue }
        let axes = (0..<value.rank).filter { $0 != axis.index(rank: value.rank) }
        func extremes(_ function: Reduction) throws -> [Float] {
          let reduced = axes.isEmpty ? value : try backend.reduce(function, value, axes: axes)
          return try backend.download(reduced).array(of: Float.self)
        }
        let own = ChannelRanges(minima: try extremes(.minimum), maxima: try extremes(.maximum))
        guard (own.minima + own.maxima).allSatisfy(\.isFinite) else {
          throw GraphError.invalid(
            "the value '\(name)' is not finite for \(samples.map(\.name).joined(separator: ", ")): its channels have "
              + "no ranges")
        }
        if found[name]?.count ?? own.count != own.count { contradicted.insert(name) }
        guard !contradicted.contains(name) else { continue }
        if found[name]?.merge(own) == nil { found[name] = own }
      }
    }
    return found.filter { !contradicted.contains($0.key) }
  }
}

/// Which channels come into which group.
struct ChannelOrder: Equatable {
  /// The channels in their new order.
  let channels: [Int]
  /// How many channels each group has.
  let sizes: [Int]

  /// Channels sorted by the width of their range, so that neighbours are alike, and cut into groups that
  /// are as equal as can be.
  ///
  /// Method: range-based permutation of Bondarenko et al., Understanding and Overcoming the Challenges of
  /// Efficient Transformer Quantization, EMNLP 2021, section 4.
  init(_ ranges: ChannelRanges, _ settings: ActivationGroupSettings) {
    let count = ranges.count
    let groups = min(settings.count, count)
    channels =
      settings.permutes
      ? (0..<count).sorted {
        (ranges.maxima[$0] - ranges.minima[$0], $0) < (ranges.maxima[$1] - ranges.minima[$1], $1)
      } : Array(0..<count)
    sizes = (0..<groups).map { count * ($0 + 1) / groups - count * $0 / groups }
  }

  /// Whether every channel keeps its place.
  var isIdentity: Bool { channels == Array(0..<channels.count) }
}
