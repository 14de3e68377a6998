public import Tensors

/// Samples side by side, as a model takes them at once.
public struct Batch: Sendable {
  /// A tensor for each input; the first dimension counts samples.
  public var inputs: [String: Tensor]

  /// The samples, without their tensors.
  public var samples: [Sample]

  /// How many samples the tensors hold: more than ``samples`` where the batch was filled up. A sample
  /// that is a whole batch by itself counts as one.
  public var rows: Int
}

extension Dataset {
  /// Calls `body` with the samples in order, `size` at a time. Samples whose shapes differ from their
  /// neighbours' come in batches of their own.
  ///
  /// - Parameters:
  ///   - range: the samples; `nil` takes all.
  ///   - size: samples in a batch.
  ///   - isFixed: whether the model takes no fewer; the last batch is then filled up by repeating its
  ///     last sample.
  ///   - body: called for every batch.
  public func forEachBatch(
    of size: Int, isFixed: Bool = false, in range: Range<Int>? = nil,
    _ body: (Batch) throws -> Void
  ) throws {
    precondition(size > 0, "a batch of \(size)")
    var group: [Sample] = []
    func flush() throws {
      guard !group.isEmpty else { return }
      try body(Batch(group, filledTo: isFixed ? size : group.count))
      group.removeAll(keepingCapacity: true)
    }
    for index in range ?? 0..<count {
      let sample = try sample(at: index)
      if let first = group.first, !first.hasShapes(of: sample) { try flush() }
      group.append(sample)
      if group.count == size || !sample.isSingle { try flush() }
    }
    try flush()
  }
}

extension Sample {
  /// Whether every tensor has a batch dimension of extent 1, so that others can stand beside it.
  fileprivate var isSingle: Bool { inputs.values.allSatisfy { $0.shape.first == 1 } }

  fileprivate func hasShapes(of other: Sample) -> Bool {
    isSingle && inputs.allSatisfy { name, tensor in other.inputs[name]?.shape == tensor.shape }
  }
}

extension Batch {
  /// - Precondition: the samples' tensors have equal shapes; more than one only with extent 1 first.
  init(_ group: [Sample], filledTo rows: Int) {
    samples = group.map { Sample(inputs: [:], label: $0.label, name: $0.name) }
    self.rows = group[0].isSingle ? rows : 1
    inputs = [:]
    for (name, first) in group[0].inputs {
      if !group[0].isSingle || rows == 1 {
        inputs[name] = first
        continue
      }
      let storage = TensorStorage(byteCount: rows * first.byteCount)
      for row in 0..<rows {
        guard let tensor = group[min(row, group.count - 1)].inputs[name] else {
          preconditionFailure("samples of one data set have the same inputs")
        }
        tensor.withBytes { bytes in
          (storage.bytes + row * first.byteCount)
            .copyMemory(
              from: bytes.baseAddress ?? UnsafeRawPointer(storage.bytes), byteCount: bytes.count)
        }
      }
      inputs[name] = Tensor(
        elementType: first.elementType, shape: [rows] + first.shape.dropFirst(), storage: storage)
    }
  }
}

extension DataSpecification {
  /// How many samples go into a batch for a model.
  ///
  /// - Parameters:
  ///   - inputs: the model's inputs.
  ///   - preferred: taken where neither the model nor `batch=` says.
  /// - Returns: the number, and whether the model takes no other.
  /// - Throws: ``DataError`` when `batch=` differs from what the model takes.
  public func batchSize(
    for inputs: [ModelInput], preferred: Int
  ) throws(DataError) -> (size: Int, isFixed: Bool) {
    let fixed = inputs.compactMap { $0.shape?.first ?? nil }
    guard let least = fixed.min() else { return (batch ?? preferred, false) }
    // Inputs that do not count samples first (a table, a threshold) take one sample at a time.
    let size = Set(fixed).count == 1 && fixed.count == inputs.count ? max(least, 1) : 1
    if let batch, batch != size {
      throw DataError(file: path, "batch=\(batch), and the model takes batches of \(size)")
    }
    return (size, true)
  }
}
