import Calibration
public import Graph
public import Operations

extension Graph {
  /// The lowest element of every channel of some values over all samples, exact.
  ///
  /// - Parameters:
  ///   - values: Values whose second dimension counts channels.
  ///   - replay: The samples.
  ///   - backend: Where to run.
  /// - Throws: What running the graph throws; `GraphError` naming value and sample where one is not finite.
  public func lowestElements<B: Backend>(
    of values: Set<String>, _ replay: CalibrationReplay, on backend: B
  ) throws -> [String: [Double]] {
    try channelRanges(of: values.sorted(), axis: .second, replay, on: backend)
      .mapValues { $0.minima.map(Double.init) }
  }
}

extension NormalizationStatistics {
  /// What nearly no element of a channel is below: three deviations below the mean.
  public var lowest: [String: [Double]] {
    moments.mapValues { moments in
      zip(moments.means, moments.deviations).map { $0 - 3 * $1 }
    }
  }

  /// Follows what equalization has done.
  public mutating func follow(_ equalization: Equalization) {
    for (value, divisors) in equalization.divisors { divide(value, by: divisors) }
  }

  /// Follows what absorption has done.
  public mutating func follow(_ absorption: BiasAbsorption) {
    for (value, amounts) in absorption.amounts { lower(value, by: amounts) }
  }
}
