public import Calibration
import Graph
import Tensors

/// Samples of calibration that can be read as often as is needed.
public struct CalibrationReplay: Sendable {
  /// How many there are.
  public let count: Int
  /// Sample `index`.
  public let sample: @Sendable (_ index: Int) throws -> CalibrationSample
  /// Whether samples with values that are not finite are left out instead of being an error.
  public let allowsNonFinite: Bool

  /// Samples that at most are looked at for each layer, spread evenly over all.
  package static let limit = 256

  /// Describes samples.
  public init(
    count: Int, allowsNonFinite: Bool = false,
    sample: @escaping @Sendable (_ index: Int) throws -> CalibrationSample
  ) {
    self.count = count
    self.allowsNonFinite = allowsNonFinite
    self.sample = sample
  }

  /// The samples that are looked at.
  package var chosen: [Int] {
    let taken = min(count, Self.limit)
    return (0..<taken).map { $0 * count / taken }
  }
}

extension CalibrationReplay {
  /// Samples that run at once where the model allows it.
  private static let batch = 16

  /// Calls `body` with the inputs of a few samples at a time, and with these samples.
  func forEachBatch(
    of samples: [Int], _ graph: Graph,
    _ body: ([String: Tensor], [CalibrationSample]) throws -> Void
  ) throws {
    let canBatch = !graph.inputs.isEmpty && graph.inputs.allSatisfy(\.hasOpenBatch)
    let size = canBatch ? Self.batch : 1
    for first in stride(from: 0, to: samples.count, by: size) {
      let some = try samples[first..<min(first + size, samples.count)].map(sample)
      if some.count > 1, let batch = CalibrationSample.joined(some) {
        try body(batch, some)
      } else {
        for sample in some { try body(sample.inputs, [sample]) }
      }
    }
  }
}
