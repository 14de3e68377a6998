import Tensors

/// A folder of `.npy` files: each holds a sample, or several along a leading batch dimension.
struct ArrayFolderSource: SampleSource {
  let count: Int
  private let files: [(path: String, first: Int)]
  private let isBatched: Bool
  private let labels: FileLabels?

  /// - Parameter rank: of the model's input; files of this rank hold batches.
  init(paths: [String], rank: Int?, labels: FileLabels?) throws(DataError) {
    var files: [(String, Int)] = []
    var count = 0
    var batched: Bool?
    for path in paths {
      let array = try NumPyArray(ByteSource(path: path))
      let isBatch = rank.map { array.shape.count == $0 } ?? false
      if let batched, batched != isBatch {
        throw DataError(
          file: path, "has \(array.shape.count) dimensions, another file of the folder has not")
      }
      batched = isBatch
      files.append((path, count))
      count += isBatch ? array.shape[0] : 1
    }
    self.files = files
    self.count = count
    isBatched = batched ?? false
    self.labels = labels
    if labels != nil, count != files.count {
      throw DataError(
        file: Folder.parent(of: paths[0]), "labels name files, but files hold several samples")
    }
  }

  var takesImageOptions: Bool { false }

  func sample(at index: Int) throws -> RawSample {
    // Files in order of their first sample: the last that does not begin later.
    var low = 0
    var high = files.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if files[middle].first <= index { low = middle } else { high = middle }
    }
    let (path, first) = files[low]
    let array = try NumPyArray(ByteSource(path: path))
    guard isBatched else {
      return RawSample(
        content: .tensor(try array.tensor()), label: try labels?.label(of: path), name: path)
    }
    return RawSample(
      content: .tensor(try array.row(index - first)), label: try labels?.label(of: path),
      name: array.shape[0] == 1 ? path : "\(path): sample \(index - first)")
  }
}
