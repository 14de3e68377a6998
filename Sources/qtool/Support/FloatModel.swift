import Checksums
import Files
import LowBit

/// A model file to be quantized: as it is, and in the form that quantization plans for.
struct FloatModel {
  let path: String
  let original: Graph
  private(set) var prepared: Graph
  /// What normalizations tell of the values of ``prepared``.
  private(set) var normalizations: NormalizationStatistics
  /// Bytes of the file.
  let byteCount: Int

  init(path: String) throws {
    self.path = path
    original = try ONNXReader.read(path: path)
    byteCount = try MappedFile(path: path).bytes.count
    let unsupported = try Executor<ReferenceBackend>.unsupportedNodes(of: original)
    guard unsupported.isEmpty else {
      throw GraphError.unsupported(unsupported.map(\.message).joined(separator: "\n"))
        .located(in: path)
    }
    do {
      (prepared, normalizations) = try original.preparedWithStatistics()
    } catch let error as GraphError {
      throw error.located(in: path)
    }
  }

  /// Scales channels between layers; see ``Graph/equalizeLayers()``.
  mutating func equalize() throws -> Equalization {
    let outcome = try located(path) { try prepared.equalizeLayers() }
    normalizations.follow(outcome)
    return outcome
  }

  /// Lowers channels between layers; see ``Graph/absorbBiases(lowest:)``.
  ///
  /// - Parameter observed: The lowest elements of channels of values of which no normalization tells;
  ///   nothing where there are no data.
  mutating func absorbBiases(
    observed: (Graph, Set<String>) throws -> [String: [Double]]
  ) throws -> BiasAbsorption {
    let outcome = try located(path) {
      var lowest = normalizations.lowest
      let others = try prepared.absorbableValues().subtracting(lowest.keys)
      if !others.isEmpty { lowest.merge(try observed(prepared, others)) { own, _ in own } }
      return try prepared.absorbBiases(lowest: lowest)
    }
    normalizations.follow(outcome)
    return outcome
  }

  /// Cuts activations into groups of channels; see ``Graph/splitActivations(_:_:on:)``.
  mutating func splitActivations<B: Backend>(
    _ settings: QuantizationSettings, _ replay: CalibrationReplay, on backend: B
  ) throws -> ActivationGroups {
    do {
      return try prepared.splitActivations(settings, replay, on: backend)
    } catch let error as GraphError {
      throw error.located(in: path)
    }
  }

  /// SHA-256 of the file, which only statistics in a file need.
  func digest() throws -> [UInt8] {
    var hash = SHA256()
    let file = try MappedFile(path: path)
    withExtendedLifetime(file) { hash.update(file.bytes) }
    return hash.finalize()
  }
}
