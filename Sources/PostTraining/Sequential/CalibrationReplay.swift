public import Calibration

/// Samples of calibration that can be read as often as is needed.
public struct CalibrationReplay: Sendable {
  /// How many there are.
  public let count: Int
  /// Sample `index`.
  public let sample: @Sendable (_ index: Int) throws -> CalibrationSample

  /// Samples that at most are looked at for each layer, spread evenly over all.
  static let limit = 256

  /// Describes samples.
  public init(count: Int, sample: @escaping @Sendable (_ index: Int) throws -> CalibrationSample) {
    self.count = count
    self.sample = sample
  }

  /// The samples that are looked at.
  var chosen: [Int] {
    let taken = min(count, Self.limit)
    return (0..<taken).map { $0 * count / taken }
  }
}
