import Graph
import Tensors

/// Codes between tensors and streams.
enum SignalledCodes {
  /// Whether tensors of a type hold codes that a stream can hold.
  static func isStorable(_ type: ElementType) -> Bool {
    [.int2, .int4, .int8, .int16, .int32, .uint2, .uint4, .uint8, .uint16].contains(type)
  }

  /// The elements of a tensor.
  static func values(_ tensor: Tensor) -> [Int32] {
    switch tensor.elementType {
    case .int2, .int4, .int8: tensor.array(of: Int8.self).map(Int32.init)
    case .uint2, .uint4, .uint8: tensor.array(of: UInt8.self).map(Int32.init)
    case .int16: tensor.array(of: Int16.self).map(Int32.init)
    case .uint16: tensor.array(of: UInt16.self).map(Int32.init)
    case .int32: tensor.array(of: Int32.self)
    default: preconditionFailure("\(tensor.elementType) holds no codes")
    }
  }

  /// A tensor like `model` with other elements; `nil` when its type does not hold one of them.
  static func tensor(_ values: [Int32], like model: Tensor) -> Tensor? {
    tensor(values, type: model.elementType, shape: model.shape)
  }

  /// A tensor of codes; `nil` when their type does not hold one of them.
  static func tensor(_ values: [Int32], type: ElementType, shape: [Int]) -> Tensor? {
    guard let range = type.integerRange, values.allSatisfy({ range.contains(Int($0)) }) else {
      return nil
    }
    switch type {
    case .int2, .int4, .int8: return Tensor(values.map { Int8($0) }, shape: shape, as: type)
    case .uint2, .uint4, .uint8: return Tensor(values.map { UInt8($0) }, shape: shape, as: type)
    case .int16: return Tensor(values.map { Int16($0) }, shape: shape)
    case .uint16: return Tensor(values.map { UInt16($0) }, shape: shape)
    case .int32: return Tensor(values, shape: shape)
    default: preconditionFailure("\(type) holds no codes")
    }
  }
}
