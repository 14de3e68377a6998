/// A Swift type that holds one element of a tensor in memory.
public protocol TensorScalar: BitwiseCopyable, Sendable {
  /// The element type that a tensor of such values has unless another is named.
  static var elementType: ElementType { get }

  /// Whether memory of `elementType` may be read as values of this type. True for the type's own
  /// element type and for those that share its representation: `int4` is read as `Int8`, `float16`
  /// as `UInt16` or `Float16`, `bool` as `Bool` or `UInt8`.
  static func represents(_ elementType: ElementType) -> Bool
}

extension TensorScalar {
  /// Own element type only.
  public static func represents(_ elementType: ElementType) -> Bool {
    elementType == Self.elementType
  }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation

extension Float: TensorScalar { public static var elementType: ElementType { .float32 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Double: TensorScalar { public static var elementType: ElementType { .float64 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Int16: TensorScalar { public static var elementType: ElementType { .int16 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Int32: TensorScalar { public static var elementType: ElementType { .int32 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Int64: TensorScalar { public static var elementType: ElementType { .int64 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension UInt32: TensorScalar { public static var elementType: ElementType { .uint32 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension UInt64: TensorScalar { public static var elementType: ElementType { .uint64 } }
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension Bool: TensorScalar { public static var elementType: ElementType { .bool } }

#if !(os(macOS) && arch(x86_64))
  // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
  extension Float16: TensorScalar { public static var elementType: ElementType { .float16 } }
#endif

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation

extension Int8: TensorScalar {
  public static var elementType: ElementType { .int8 }
  public static func represents(_ elementType: ElementType) -> Bool {
    [.int8, .int4, .int2].contains(elementType)
  }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation

extension UInt8: TensorScalar {
  public static var elementType: ElementType { .uint8 }
  public static func represents(_ elementType: ElementType) -> Bool {
    [.uint8, .uint4, .uint2, .bool].contains(elementType)
  }
}

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation

extension UInt16: TensorScalar {
  public static var elementType: ElementType { .uint16 }
  public static func represents(_ elementType: ElementType) -> Bool {
    [.uint16, .float16, .bfloat16].contains(elementType)
  }
}
