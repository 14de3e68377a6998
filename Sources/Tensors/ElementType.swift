/// The type of a tensor's elements, with ONNX's meaning.
///
/// Types narrower than a byte are held one element to a byte in memory; the `ONNX` module packs and
/// unpacks them. `float16` and `bfloat16` are held as their 16 bits.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  case float32, float64, float16, bfloat16
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case bool
  case int4, uint4, int2, uint2

  /// Bytes that one element takes in memory.
  public var byteCount: Int {
    switch self {
    case .bool, .int8, .uint8, .int4, .uint4, .int2, .uint2: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  /// Bits that one element takes in a file.
  public var bitCount: Int {
    switch self {
    case .int4, .uint4: 4
    case .int2, .uint2: 2
    default: byteCount * 8
    }
  }

  /// Whether the elements are floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }

  /// Whether the elements are integers; `bool` is not.
  public var isInteger: Bool { integerRange != nil }

  /// The smallest and the largest value of an integer type that `Int` can hold; `uint64` is cut off
  /// at `Int.max`. `nil` for floating-point types and `bool`.
  public var integerRange: ClosedRange<Int>? {
    switch self {
    case .int2: -2...1
    case .uint2: 0...3
    case .int4: -8...7
    case .uint4: 0...15
    case .int8: -128...127
    case .uint8: 0...255
    case .int16: -32768...32767
    case .uint16: 0...65535
    case .int32: Int(Int32.min)...Int(Int32.max)
    case .uint32: 0...Int(UInt32.max)
    case .int64: Int.min...Int.max
    case .uint64: 0...Int.max
    default: nil
    }
  }
}
