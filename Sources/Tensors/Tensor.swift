import Glibc

/// A dense tensor in host memory: an element type, a shape, and elements in row-major order.
///
/// A tensor is a value; copies share their elements until one is replaced. Elements never change in
/// place: a tensor is written once, in an initializer.
public struct Tensor: Sendable {
  /// What the elements are.
  public let elementType: ElementType

  /// The extent of every dimension; empty for a scalar.
  public let shape: [Int]

  package let storage: TensorStorage

  package init(elementType: ElementType, shape: [Int], storage: TensorStorage) {
    precondition(shape.allSatisfy { $0 >= 0 }, "negative extent in shape \(shape)")
    precondition(
      storage.byteCount >= shape.reduce(elementType.byteCount, *),
      "\(storage.byteCount) bytes are too few for shape \(shape) of \(elementType)")
    self.elementType = elementType
    self.shape = shape
    self.storage = storage
  }

  /// The number of elements: the product of the extents, 1 for a scalar.
  public var count: Int { shape.reduce(1, *) }

  /// The number of dimensions.
  public var rank: Int { shape.count }

  /// Bytes that the elements take in memory.
  public var byteCount: Int { count * elementType.byteCount }
}

// MARK: - Making tensors

extension Tensor {
  /// A tensor of `values` in row-major order; `shape` defaults to one dimension.
  ///
  /// `elementType` may name any type that `Scalar` represents, for example `.int4` for `Int8`.
  public init<Scalar: TensorScalar>(
    _ values: [Scalar], shape: [Int]? = nil, as elementType: ElementType = Scalar.elementType
  ) {
    let shape = shape ?? [values.count]
    precondition(
      values.count == shape.reduce(1, *), "\(values.count) values do not fill shape \(shape)")
    self.init(shape: shape, as: elementType) { (elements: UnsafeMutableBufferPointer<Scalar>) in
      // Bytes: the sequence's own way calls a witness an element where it is not specialised.
      values.withUnsafeBytes { UnsafeMutableRawBufferPointer(elements).copyMemory(from: $0) }
    }
  }

  /// A tensor of elements given by their bytes, in the order that this processor has.
  ///
  /// - Precondition: There are as many bytes as the elements take, and each element is one of its type.
  package init(bytes: [UInt8], shape: [Int], as elementType: ElementType) {
    let storage = TensorStorage(byteCount: bytes.count)
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: storage.bytes, count: bytes.count).copyMemory(from: $0)
    }
    precondition(
      bytes.count == shape.reduce(elementType.byteCount, *),
      "\(bytes.count) bytes do not fill shape \(shape) of \(elementType)")
    self.init(elementType: elementType, shape: shape, storage: storage)
  }

  /// A tensor of rank 0.
  public init<Scalar: TensorScalar>(scalar: Scalar) {
    self.init([scalar], shape: [])
  }

  /// A tensor whose elements are all the same.
  public init<Scalar: TensorScalar>(
    repeating value: Scalar, shape: [Int], as elementType: ElementType = Scalar.elementType
  ) {
    self.init(shape: shape, as: elementType) { (elements: UnsafeMutableBufferPointer<Scalar>) in
      elements.update(repeating: value)
    }
  }

  /// A tensor whose zeroed elements `body` fills.
  package init<Scalar: TensorScalar>(
    shape: [Int], as elementType: ElementType = Scalar.elementType,
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> Void
  ) rethrows {
    precondition(
      Scalar.represents(elementType), "\(Scalar.self) does not represent \(elementType)")
    let count = shape.reduce(1, *)
    let storage = TensorStorage(byteCount: count * elementType.byteCount)
    try body(
      UnsafeMutableBufferPointer(
        start: storage.bytes.assumingMemoryBound(to: Scalar.self), count: count))
    self.init(elementType: elementType, shape: shape, storage: storage)
  }
}

// MARK: - Reading

extension Tensor {
  /// The elements in row-major order.
  ///
  /// - Precondition: `Scalar` represents the tensor's element type.
  public func array<Scalar: TensorScalar>(of _: Scalar.Type = Scalar.self) -> [Scalar] {
    withElements(of: Scalar.self) { elements in
      [Scalar](unsafeUninitializedCapacity: elements.count) { copy, count in
        UnsafeMutableRawBufferPointer(copy).copyMemory(from: UnsafeRawBufferPointer(elements))
        count = elements.count
      }
    }
  }

  /// Calls `body` with the elements in row-major order, without a copy.
  package func withElements<Scalar: TensorScalar, Result>(
    of _: Scalar.Type = Scalar.self, _ body: (UnsafeBufferPointer<Scalar>) throws -> Result
  ) rethrows -> Result {
    precondition(
      Scalar.represents(elementType), "\(Scalar.self) does not represent \(elementType)")
    defer { withExtendedLifetime(storage) {} }
    return try body(
      UnsafeBufferPointer(start: storage.bytes.assumingMemoryBound(to: Scalar.self), count: count))
  }

  /// Calls `body` with the elements' bytes, without a copy.
  package func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(start: storage.bytes, count: byteCount))
  }
}

// MARK: - Views

extension Tensor {
  /// The same elements under another shape of the same count.
  public func reshaped(to shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be reshaped to \(shape)")
    return Tensor(elementType: elementType, shape: shape, storage: storage)
  }
}

extension Tensor: Equatable {
  /// Equal element types, shapes and bytes: `-0.0` differs from `0.0`, and a NaN equals itself.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.elementType == b.elementType, a.shape == b.shape else { return false }
    return a.withBytes { x in
      b.withBytes { y in x.isEmpty || memcmp(x.baseAddress!, y.baseAddress!, x.count) == 0 }
    }
  }
}

extension Tensor: CustomStringConvertible {
  /// `float32[1×3×224×224]`.
  public var description: String {
    "\(elementType)[\(shape.map(String.init).joined(separator: "×"))]"
  }
}
