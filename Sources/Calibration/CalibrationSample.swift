public import Tensors

/// One sample for calibration.
public struct CalibrationSample: Sendable {
  /// A tensor for every input of the model, with a batch dimension of extent 1.
  public var inputs: [String: Tensor]

  /// What messages call the sample.
  public var name: String

  /// Makes a sample.
  public init(inputs: [String: Tensor], name: String) {
    self.inputs = inputs
    self.name = name
  }

  /// The samples' tensors one after the other along the first dimension; `nil` when they do not fit
  /// together.
  package static func joined(_ samples: [CalibrationSample]) -> [String: Tensor]? {
    guard let first = samples.first else { return nil }
    var batch: [String: Tensor] = [:]
    for (name, tensor) in first.inputs {
      let parts = samples.compactMap { $0.inputs[name] }
      guard parts.count == samples.count, tensor.rank > 0,
        parts.allSatisfy({
          $0.elementType == tensor.elementType && $0.rank == tensor.rank
            && $0.shape.dropFirst() == tensor.shape.dropFirst() && $0.shape[0] == 1
        })
      else { return nil }
      batch[name] = stacked(parts)
    }
    return batch
  }

  /// Tensors of one type and extent, one after the other along the first dimension.
  private static func stacked(_ parts: [Tensor]) -> Tensor {
    let storage = TensorStorage(byteCount: parts.reduce(0) { $0 + $1.byteCount })
    var offset = 0
    for part in parts {
      part.withBytes { bytes in
        UnsafeMutableRawBufferPointer(
          start: storage.bytes + offset, count: bytes.count
        ).copyMemory(from: bytes)
      }
      offset += part.byteCount
    }
    return Tensor(
      elementType: parts[0].elementType, shape: [parts.count] + parts[0].shape.dropFirst(),
      storage: storage)
  }
}
