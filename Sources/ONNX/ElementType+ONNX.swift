internal import ONNXProto
internal import Tensors

extension ElementType {
  /// The element type of ONNX's number `code`, or `nil` for one that tensors here do not have
  /// (strings, complex numbers, 8-bit and narrower floating point).
  init?(onnx code: Int32) {
    switch TensorProto.DataType(rawValue: Int(code)) {
    case .float: self = .float32
    case .double: self = .float64
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .int8: self = .int8
    case .int16: self = .int16
    case .int32: self = .int32
    case .int64: self = .int64
    case .uint8: self = .uint8
    case .uint16: self = .uint16
    case .uint32: self = .uint32
    case .uint64: self = .uint64
    case .bool: self = .bool
    case .int4: self = .int4
    case .uint4: self = .uint4
    case .int2: self = .int2
    case .uint2: self = .uint2
    default: return nil
    }
  }

  /// ONNX's number for the type.
  var onnx: Int32 {
    let type: TensorProto.DataType =
      switch self {
      case .float32: .float
      case .float64: .double
      case .float16: .float16
      case .bfloat16: .bfloat16
      case .int8: .int8
      case .int16: .int16
      case .int32: .int32
      case .int64: .int64
      case .uint8: .uint8
      case .uint16: .uint16
      case .uint32: .uint32
      case .uint64: .uint64
      case .bool: .bool
      case .int4: .int4
      case .uint4: .uint4
      case .int2: .int2
      case .uint2: .uint2
      }
    return Int32(type.rawValue)
  }

  /// How messages name ONNX's number `code`.
  static func onnxName(_ code: Int32) -> String {
    guard let type = TensorProto.DataType(rawValue: Int(code)) else { return "number \(code)" }
    return "\(type)"
  }
}
