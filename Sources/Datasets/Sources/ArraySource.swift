import Tensors

/// The rows of an array in NumPy's format, or of several in an archive.
struct ArraySource: SampleSource {
  let count: Int
  private let path: String
  /// One without a name for the only input, or several by input name.
  private let arrays: [(name: String?, array: NumPyArray)]
  private let labels: [Int]?

  /// - Parameter labels: an array of one integer a sample.
  init(
    path: String, arrays: [(name: String?, array: NumPyArray)], labels: Tensor?
  ) throws(DataError) {
    var count: Int?
    for (name, array) in arrays {
      let title = name.map { "array '\($0)'" } ?? "the array"
      guard let rows = array.shape.first else {
        throw DataError(
          file: path, "\(title) is a single number; samples lie along the first dimension")
      }
      if let count, count != rows {
        throw DataError(file: path, "\(title) has \(rows) samples, another array \(count)")
      }
      count = rows
    }
    self.path = path
    self.arrays = arrays
    self.count = count ?? 0
    self.labels = try labels.map { labels throws(DataError) in
      try Self.integers(labels, count: count ?? 0, path: path)
    }
  }

  var takesImageOptions: Bool { false }

  func sample(at index: Int) throws -> RawSample {
    let content: RawSample.Content
    if arrays.count == 1, arrays[0].name == nil {
      content = .tensor(try arrays[0].array.row(index))
    } else {
      var tensors: [String: Tensor] = [:]
      for (name, array) in arrays { tensors[name ?? ""] = try array.row(index) }
      content = .named(tensors)
    }
    return RawSample(
      content: content, label: labels.map { Label(index: $0[index]) },
      name: "\(path): sample \(index)")
  }

  private static func integers(
    _ tensor: Tensor, count: Int, path: String
  ) throws(DataError) -> [Int] {
    guard tensor.elementType.isInteger else {
      throw DataError(file: path, "labels are \(tensor.elementType), not integers")
    }
    guard tensor.count == count else {
      throw DataError(
        file: path, "has \(tensor.count) labels (shape \(tensor.shape)) for \(count) samples")
    }
    return tensor.integers()
  }
}

extension Tensor {
  /// The elements of an integer tensor; `uint64` beyond `Int.max` is cut off.
  func integers() -> [Int] {
    switch elementType {
    case .int8, .int4, .int2: array(of: Int8.self).map(Int.init)
    case .uint8, .uint4, .uint2, .bool: array(of: UInt8.self).map(Int.init)
    case .int16: array(of: Int16.self).map(Int.init)
    case .uint16: array(of: UInt16.self).map(Int.init)
    case .int32: array(of: Int32.self).map(Int.init)
    case .uint32: array(of: UInt32.self).map(Int.init)
    case .int64: array(of: Int64.self).map(Int.init)
    case .uint64: array(of: UInt64.self).map { Int(clamping: $0) }
    case .float32, .float64, .float16, .bfloat16: preconditionFailure("\(self) holds no integers")
    }
  }
}
