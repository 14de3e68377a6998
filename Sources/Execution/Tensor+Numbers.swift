import Tensors

extension Tensor {
  /// The elements of an integer tensor or a `bool` one; `uint64` above `Int.max` wraps.
  package func integers() -> [Int] {
    switch elementType {
    case .int64: withElements { (x: UnsafeBufferPointer<Int64>) in x.map { Int($0) } }
    case .int32: withElements { (x: UnsafeBufferPointer<Int32>) in x.map { Int($0) } }
    case .int16: withElements { (x: UnsafeBufferPointer<Int16>) in x.map { Int($0) } }
    case .int8, .int4, .int2: withElements { (x: UnsafeBufferPointer<Int8>) in x.map { Int($0) } }
    case .uint64:
      withElements { (x: UnsafeBufferPointer<UInt64>) in x.map { Int(truncatingIfNeeded: $0) } }
    case .uint32: withElements { (x: UnsafeBufferPointer<UInt32>) in x.map { Int($0) } }
    case .uint16: withElements { (x: UnsafeBufferPointer<UInt16>) in x.map { Int($0) } }
    case .uint8, .uint4, .uint2, .bool:
      withElements { (x: UnsafeBufferPointer<UInt8>) in x.map { Int($0) } }
    default: preconditionFailure("\(elementType) is not an integer type")
    }
  }

  /// The elements as floating-point numbers; exact but for 64-bit integers beyond 2^53.
  func doubles() -> [Double] {
    switch elementType {
    case .float64: array(of: Double.self)
    case .float32: withElements { (x: UnsafeBufferPointer<Float>) in x.map { Double($0) } }
    case .float16: withElements { (x: UnsafeBufferPointer<Float16>) in x.map { Double($0) } }
    case .bfloat16:
      withElements { (x: UnsafeBufferPointer<UInt16>) in
        x.map { Double(Float(bitPattern: UInt32($0) << 16)) }
      }
    default: integers().map { Double($0) }
    }
  }

  /// Integers as a tensor of rank 1 or of `shape`.
  static func int64(_ values: [Int], shape: [Int]? = nil) -> Tensor {
    Tensor(values.map { Int64($0) }, shape: shape)
  }

  /// One number as a scalar of a type; converted as the backend's cast does.
  static func float32(_ value: Float) -> Tensor { Tensor(scalar: value) }
}
