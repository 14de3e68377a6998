import Tensors

extension Tensor {
  /// A tensor whose zeroed elements `body` fills.
  init(
    _ elementType: ElementType, shape: [Int],
    _ body: (UnsafeMutableRawPointer) throws -> Void
  ) rethrows {
    let storage = TensorStorage(byteCount: shape.reduce(elementType.byteCount, *))
    try body(storage.bytes)
    self.init(elementType: elementType, shape: shape, storage: storage)
  }

  /// Calls `body` with the elements' memory read as `Element`, which has the elements' size.
  @inline(__always)
  func withPointer<Element: BitwiseCopyable, Result>(
    to _: Element.Type = Element.self, _ body: (UnsafePointer<Element>) throws -> Result
  ) rethrows -> Result {
    precondition(MemoryLayout<Element>.size == elementType.byteCount)
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafePointer(storage.bytes.assumingMemoryBound(to: Element.self)))
  }
}

/// An operation that only moves elements and so needs to know their size alone.
protocol WordVisitor {
  func visit<Word: BitwiseCopyable>(_: Word.Type)
}

/// Calls `visitor` with an unsigned integer as wide as the elements of `elementType`.
@inline(__always)
func withWordType(_ elementType: ElementType, _ visitor: some WordVisitor) {
  switch elementType.byteCount {
  case 1: visitor.visit(UInt8.self)
  case 2: visitor.visit(UInt16.self)
  case 4: visitor.visit(UInt32.self)
  default: visitor.visit(UInt64.self)
  }
}

/// An operation on integers of any width.
protocol IntegerVisitor {
  associatedtype Result
  func visit<Scalar: FixedWidthInteger & TensorScalar>(_: Scalar.Type) -> Result
}

/// Calls `visitor` with the type that holds the integers of `elementType`; traps for other types.
/// The 4- and 2-bit types are held as bytes.
@inline(__always)
func withIntegerType<Visitor: IntegerVisitor>(
  _ elementType: ElementType, _ visitor: Visitor
) -> Visitor.Result {
  switch elementType {
  case .int8, .int4, .int2: return visitor.visit(Int8.self)
  case .uint8, .uint4, .uint2: return visitor.visit(UInt8.self)
  case .int16: return visitor.visit(Int16.self)
  case .uint16: return visitor.visit(UInt16.self)
  case .int32: return visitor.visit(Int32.self)
  case .uint32: return visitor.visit(UInt32.self)
  case .int64: return visitor.visit(Int64.self)
  case .uint64: return visitor.visit(UInt64.self)
  default: preconditionFailure("\(elementType) is not an integer type")
  }
}

/// An operation on numbers of any kind, integers and floating point alike.
protocol NumberVisitor {
  associatedtype Result
  func visit<Scalar: TensorScalar & Comparable & Numeric>(_: Scalar.Type) -> Result
}

/// Calls `visitor` with the type that holds the numbers of `elementType`; traps for `bool` and for
/// the 16-bit floating-point types, which are widened first.
@inline(__always)
func withNumberType<Visitor: NumberVisitor>(
  _ elementType: ElementType, _ visitor: Visitor
) -> Visitor.Result {
  switch elementType {
  case .float32: return visitor.visit(Float.self)
  case .float64: return visitor.visit(Double.self)
  case .int8, .int4, .int2: return visitor.visit(Int8.self)
  case .uint8, .uint4, .uint2: return visitor.visit(UInt8.self)
  case .int16: return visitor.visit(Int16.self)
  case .uint16: return visitor.visit(UInt16.self)
  case .int32: return visitor.visit(Int32.self)
  case .uint32: return visitor.visit(UInt32.self)
  case .int64: return visitor.visit(Int64.self)
  case .uint64: return visitor.visit(UInt64.self)
  case .float16, .bfloat16, .bool:
    preconditionFailure("\(elementType) has no arithmetic of its own")
  }
}

// MARK: - 16-bit floating point

extension ElementType {
  /// Whether arithmetic is done in `float32` and rounded once.
  var isHalfWidth: Bool { self == .float16 || self == .bfloat16 }
}

/// The value of `bfloat16` bits.
@inline(__always)
func floatValue(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// The `bfloat16` nearest to `value`, ties to even; a NaN stays one.
@inline(__always)
func bfloat16Bits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
  return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
}

extension Tensor {
  /// A 16-bit floating-point tensor as `float32`, exactly; other tensors as they are.
  func widened() -> Tensor {
    guard elementType.isHalfWidth else { return self }
    let isBrain = elementType == .bfloat16
    return Tensor(.float32, shape: shape) { memory in
      let to = memory.assumingMemoryBound(to: Float.self)
      withPointer(to: UInt16.self) { from in
        concurrentRanges(count, grain: elementGrain) { range in
          for i in range {
            to[i] =
              isBrain ? floatValue(bfloat16: from[i]) : Float(Float16(bitPattern: from[i]))
          }
        }
      }
    }
  }

  /// A `float32` tensor rounded half to even to a 16-bit type; for other types the tensor itself.
  func narrowed(to elementType: ElementType) -> Tensor {
    guard elementType.isHalfWidth, self.elementType == .float32 else { return self }
    let isBrain = elementType == .bfloat16
    return Tensor(elementType, shape: shape) { memory in
      let to = memory.assumingMemoryBound(to: UInt16.self)
      withPointer(to: Float.self) { from in
        concurrentRanges(count, grain: elementGrain) { range in
          for i in range {
            to[i] = isBrain ? bfloat16Bits(from[i]) : Float16(from[i]).bitPattern
          }
        }
      }
    }
  }
}
