public import Tensors

/// Data as training sees them: shuffled anew in every epoch, in batches of one size, images changed
/// each time.
///
/// Everything is drawn from the seed, the epoch and the sample's place: batch `number` has the same
/// bytes whenever, wherever and in whatever order batches are asked for.
public struct TrainingStream: Sendable {
  /// The samples.
  public let data: any Dataset
  /// Samples in a batch.
  public let batchSize: Int
  /// The seed of the order and of the changes.
  public let seed: UInt64
  /// How images are changed.
  public let augmentation: Augmentation?

  /// Batches in an epoch. Of the shuffled samples the last ``leftOver`` make no whole batch and are
  /// left out; in every epoch they are others.
  public var batchesPerEpoch: Int { data.count / batchSize }

  /// Samples that an epoch leaves out.
  public var leftOver: Int { data.count % batchSize }

  /// Makes a stream.
  ///
  /// - Throws: ``DataError`` when there are fewer samples than a batch takes, or when images are to be
  ///   changed and the data are arrays.
  public init(
    _ data: any Dataset, batchSize: Int, seed: UInt64, augmentation: Augmentation? = nil
  ) throws(DataError) {
    precondition(batchSize > 0, "a batch of \(batchSize)")
    guard data.count >= batchSize else {
      throw DataError(
        file: data.name, "holds \(data.count) samples, fewer than a batch of \(batchSize)")
    }
    if augmentation != nil, (data as? PreparedDataset)?.source.takesImageOptions != true {
      throw DataError(
        file: data.name, "flip, crop and rotate change images; these are not read as images")
    }
    self.data = data
    self.batchSize = batchSize
    self.seed = seed
    self.augmentation = augmentation
  }

  /// A batch; its number counts on through all epochs.
  ///
  /// - Throws: ``DataError`` naming file and sample, also where samples differ in shape.
  public func batch(at number: Int) throws -> Batch {
    let epoch = number / batchesPerEpoch
    let first = number % batchesPerEpoch * batchSize
    let order = Shuffle(count: data.count, seed: drawn(epoch, 0))
    var group: [Sample] = []
    for place in first..<first + batchSize {
      let sample = try sample(at: order(place), epoch)
      if let first = group.first, !first.isBeside(sample) {
        throw DataError(
          "\(sample.name): its shape differs from that of '\(first.name)', or it is a batch by "
            + "itself; batches of training take samples of one shape")
      }
      group.append(sample)
    }
    return Batch(group, filledTo: batchSize)
  }

  /// Samples for histograms: the first `count` of a shuffled order of its own, unchanged, in whole
  /// batches.
  ///
  /// - Returns: The model's inputs, batch by batch; no fewer than one batch.
  public func calibration(count: Int) throws -> [[String: Tensor]] {
    let order = Shuffle(count: data.count, seed: drawn(0, 1))
    let batches = min(max(count / batchSize, 1), batchesPerEpoch)
    return try (0..<batches).map { number in
      let group = try (number * batchSize..<(number + 1) * batchSize).map {
        try data.sample(at: order($0))
      }
      return Batch(group, filledTo: batchSize).inputs
    }
  }

  private func sample(at index: Int, _ epoch: Int) throws -> Sample {
    guard let augmentation, let images = data as? PreparedDataset else {
      return try data.sample(at: index)
    }
    var generator = SplitMix64(state: drawn(epoch, 2) ^ UInt64(index))
    generator = SplitMix64(state: generator.next())
    return try images.sample(at: index, changedBy: augmentation.change(&generator))
  }

  /// A number for a use in an epoch, from the seed.
  private func drawn(_ epoch: Int, _ use: UInt64) -> UInt64 {
    var generator = SplitMix64(state: seed)
    for part in [UInt64(epoch), use] {
      generator = SplitMix64(state: generator.next() ^ part &* 0xd1b5_4a32_d192_ed03)
    }
    return generator.next()
  }
}

extension Sample {
  /// Whether both can stand in one batch.
  fileprivate func isBeside(_ other: Sample) -> Bool {
    inputs.allSatisfy { name, tensor in
      tensor.shape.first == 1 && other.inputs[name]?.shape == tensor.shape
    }
  }
}
