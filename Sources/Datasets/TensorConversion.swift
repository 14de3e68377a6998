import Glibc
import Tensors

extension Tensor {
  /// The elements as doubles; 64-bit integers beyond 2^53 are rounded.
  package func doubles() -> [Double] {
    switch elementType {
    case .float32: array(of: Float.self).map(Double.init)
    case .float64: array(of: Double.self)
    case .float16: array(of: Float16.self).map(Double.init)
    case .bfloat16: array(of: UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
    default: integers().map(Double.init)
    }
  }

  /// Values in a type: floating-point types round half to even, integer types too, and refuse what
  /// they do not hold.
  init(
    rounding values: [Double], shape: [Int], to elementType: ElementType, _ name: String
  ) throws(DataError) {
    switch elementType {
    case .float32: self.init(values.map { Float($0) }, shape: shape)
    case .float64: self.init(values, shape: shape)
    case .float16: self.init(values.map { Float16($0) }, shape: shape)
    case .bfloat16:
      self.init(values.map { Self.bfloat16(Float($0)) }, shape: shape, as: .bfloat16)
    case .bool:
      self.init(values.map { $0 != 0 }, shape: shape)
    case .int8, .int4, .int2:
      self.init(try Self.whole(values, elementType, name, Int8.self), shape: shape, as: elementType)
    case .uint8, .uint4, .uint2:
      self.init(
        try Self.whole(values, elementType, name, UInt8.self), shape: shape, as: elementType)
    case .int16: self.init(try Self.whole(values, elementType, name, Int16.self), shape: shape)
    case .uint16: self.init(try Self.whole(values, elementType, name, UInt16.self), shape: shape)
    case .int32: self.init(try Self.whole(values, elementType, name, Int32.self), shape: shape)
    case .uint32: self.init(try Self.whole(values, elementType, name, UInt32.self), shape: shape)
    case .int64: self.init(try Self.whole(values, elementType, name, Int64.self), shape: shape)
    case .uint64: self.init(try Self.whole(values, elementType, name, UInt64.self), shape: shape)
    }
  }

  private static func whole<Whole: FixedWidthInteger & TensorScalar>(
    _ values: [Double], _ elementType: ElementType, _ name: String, _: Whole.Type
  ) throws(DataError) -> [Whole] {
    var result: [Whole] = []
    result.reserveCapacity(values.count)
    for value in values {
      guard let whole = Whole(exactly: value.rounded(.toNearestOrEven)),
        elementType.integerRange?.contains(Int(clamping: whole)) == true
      else { throw DataError("\(name): the value \(value) does not fit \(elementType)") }
      result.append(whole)
    }
    return result
  }

  /// The upper half of a float, rounded half to even.
  private static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    guard !value.isNaN else { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
  }
}
