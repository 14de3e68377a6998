import Tensors

extension ElementType {
  /// The OpenCL C type of an element that kernels compute with; `nil` for the 16-bit floating-point
  /// types. The 4- and 2-bit types are held as bytes.
  var arithmeticType: String? {
    switch self {
    case .float32: "float"
    case .float64: "double"
    case .float16, .bfloat16: nil
    case .int8, .int4, .int2: "char"
    case .uint8, .uint4, .uint2, .bool: "uchar"
    case .int16: "short"
    case .uint16: "ushort"
    case .int32: "int"
    case .uint32: "uint"
    case .int64: "long"
    case .uint64: "ulong"
    }
  }

  /// An unsigned integer of OpenCL C as wide as an element, for kernels that only move elements.
  var wordType: String {
    switch byteCount {
    case 1: "uchar"
    case 2: "ushort"
    case 4: "uint"
    default: "ulong"
    }
  }
}
