import Tensors

/// An array in NumPy's format whose rows (slices of the first dimension) are read when asked for.
struct NumPyArray: Sendable {
  let elementType: ElementType
  let shape: [Int]
  /// The elements.
  let elements: ByteSource

  /// Reads the header and checks that there are as many bytes as it promises.
  init(_ source: ByteSource) throws(DataError) {
    let (header, offset) = try NumPyHeader.read(from: source)
    elementType = header.elementType
    shape = header.shape
    guard let bytes = header.byteCount else {
      throw DataError(file: source.path, "states the absurd shape \(header.shape)")
    }
    let found = source.count - offset
    guard bytes == found else {
      throw DataError(
        file: source.path,
        "holds \(found) bytes of elements; shape \(header.shape) of \(header.elementType) takes "
          + "\(bytes)")
    }
    elements = try source.part(from: offset, count: bytes)
  }

  /// The whole array.
  func tensor() throws(DataError) -> Tensor { try tensor(from: 0, shape: shape) }

  /// Row `index`, without the first dimension.
  func row(_ index: Int) throws(DataError) -> Tensor {
    let inner = Array(shape.dropFirst())
    return try tensor(from: index * inner.reduce(elementType.byteCount, *), shape: inner)
  }

  private func tensor(from offset: Int, shape: [Int]) throws(DataError) -> Tensor {
    let count = shape.reduce(elementType.byteCount, *)
    let storage = TensorStorage(byteCount: count)
    try elements.read(
      at: offset, into: UnsafeMutableRawBufferPointer(start: storage.bytes, count: count))
    return Tensor(elementType: elementType, shape: shape, storage: storage)
  }
}
