public import Graph

/// What normalizations that became parts of layers made of these layers' results, by value; passes that
/// change the graph keep it true.
public struct NormalizationStatistics: Sendable, Hashable {
  /// Means and deviations of the channels of each value.
  public internal(set) var moments: [String: ChannelMoments]

  /// None.
  public init() { moments = [:] }

  init(_ folded: [FoldedNormalization]) {
    moments = Dictionary(folded.map { ($0.value, $0.moments) }, uniquingKeysWith: { $1 })
  }

  /// Divides the channels of a value by factors.
  mutating func divide(_ value: String, by factors: [Float]) {
    guard var own = moments[value] else { return }
    for channel in factors.indices {
      own.means[channel] /= Double(factors[channel])
      own.deviations[channel] /= Double(factors[channel])
    }
    moments[value] = own
  }

  /// Lowers the channels of a value by amounts.
  mutating func lower(_ value: String, by amounts: [Double]) {
    guard var own = moments[value] else { return }
    for channel in amounts.indices { own.means[channel] -= amounts[channel] }
    moments[value] = own
  }
}

extension Graph {
  /// ``preparedForQuantization()``, and what the normalizations that became parts of layers tell.
  ///
  /// - Throws: `GraphError` as there.
  public func preparedWithStatistics() throws -> (
    graph: Graph, statistics: NormalizationStatistics
  ) {
    let (graph, normalizations) = try preparedWithNormalizations()
    return (graph, NormalizationStatistics(normalizations))
  }
}
