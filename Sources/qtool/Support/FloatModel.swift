import Checksums
import Files
import LowBit

/// A model file to be quantized: as it is, and in the form that quantization plans for.
struct FloatModel {
  let path: String
  let original: Graph
  private(set) var prepared: Graph
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
      prepared = try original.preparedForQuantization()
    } catch let error as GraphError {
      throw error.located(in: path)
    }
  }

  /// Scales channels between layers; see ``Graph/equalizeLayers()``.
  mutating func equalize() throws -> Equalization {
    do {
      return try prepared.equalizeLayers()
    } catch let error as GraphError {
      throw error.located(in: path)
    }
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
