/// Which samples of a source are used: shuffled, then `offset` passed over, then `limit` taken.
struct Selection: Sendable {
  let count: Int
  private let offset: Int
  private let shuffle: Shuffle?

  init(_ specification: DataSpecification, of available: Int) throws(DataError) {
    let rest = available - specification.offset
    guard available > 0 else { throw DataError(file: specification.path, "holds no samples") }
    guard rest > 0 else {
      throw DataError(
        file: specification.path,
        "offset=\(specification.offset) leaves none of \(available) samples")
    }
    count = min(specification.limit ?? rest, rest)
    offset = specification.offset
    shuffle = specification.shuffle.map { Shuffle(count: available, seed: $0) }
  }

  /// The source's index of sample `index`.
  func callAsFunction(_ index: Int) -> Int {
    precondition((0..<count).contains(index), "sample \(index) of \(count)")
    return shuffle?(offset + index) ?? offset + index
  }
}

/// Samples of a source, selected and prepared for a model.
struct PreparedDataset: Dataset {
  let name: String
  let source: any SampleSource
  let selection: Selection
  let preparation: Preparation

  var count: Int { selection.count }

  func sample(at index: Int) throws -> Sample {
    let raw = try source.sample(at: selection(index))
    return Sample(inputs: try preparation.inputs(of: raw), label: raw.label, name: raw.name)
  }

  /// Sample `index`, which is an image, changed at the model's size.
  ///
  /// - Throws: ``DataError`` also when the sample is no image.
  func sample(at index: Int, changedBy change: Augmentation.Change) throws -> Sample {
    let raw = try source.sample(at: selection(index))
    guard case .image = raw.content else {
      throw DataError("\(raw.name): is not an image: there is nothing to flip, crop or rotate")
    }
    return Sample(
      inputs: try preparation.inputs(of: raw, changedBy: change), label: raw.label, name: raw.name)
  }
}
