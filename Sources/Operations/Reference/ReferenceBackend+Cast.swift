public import Tensors

extension ReferenceBackend {
  /// Elements converted to another type.
  ///
  /// - From floating point to an integer: towards zero; a value out of range becomes the nearest
  ///   that is in range, a NaN 0.
  /// - From an integer to a narrower one: the low bits, as C does; 4- and 2-bit types are sign- or
  ///   zero-extended in their byte.
  /// - To floating point: half to even, rounded once.
  /// - To `bool`: whether the value differs from 0 (a NaN does). From `bool`: 0 or 1.
  public func cast(_ x: Tensor, to elementType: ElementType) -> Tensor {
    if x.elementType == elementType { return x }
    if elementType.isHalfWidth && x.elementType == .float32 { return x.narrowed(to: elementType) }
    if elementType == .float32 && x.elementType.isHalfWidth { return x.widened() }
    return Tensor(elementType, shape: x.shape) { memory in
      concurrentRanges(x.count, grain: elementGrain) { range in
        // Carried in a type that holds every value of the source exactly.
        switch x.elementType {
        case .float32, .float64, .float16, .bfloat16:
          convert(range) {
            x.loadDoubles($0, $1)
          } store: {
            storeDoubles($0, memory, $1, elementType)
          }
        case .uint64:
          convert(range) { (part, buffer: UnsafeMutablePointer<UInt64>) in
            x.withPointer(to: UInt64.self) { from in
              for i in 0..<part.count { buffer[i] = from[part.lowerBound + i] }
            }
          } store: {
            storeIntegers($0, memory, $1, elementType)
          }
        default:
          convert(range) {
            x.loadIntegers($0, $1)
          } store: {
            storeIntegers($0, memory, $1, elementType)
          }
        }
      }
    }
  }
}

/// Takes a range in pieces through a small buffer of carriers.
private func convert<Carrier: BitwiseCopyable>(
  _ range: Range<Int>, load: (Range<Int>, UnsafeMutablePointer<Carrier>) -> Void,
  store: (Range<Int>, UnsafePointer<Carrier>) -> Void
) {
  let capacity = 1024
  withUnsafeTemporaryAllocation(of: Carrier.self, capacity: capacity) { buffer in
    guard let base = buffer.baseAddress else { return }
    var start = range.lowerBound
    while start < range.upperBound {
      let part = start..<min(start + capacity, range.upperBound)
      load(part, base)
      store(part, UnsafePointer(base))
      start = part.upperBound
    }
  }
}

extension Tensor {
  fileprivate func loadDoubles(_ part: Range<Int>, _ buffer: UnsafeMutablePointer<Double>) {
    switch elementType {
    case .float32: load(part, buffer) { (v: Float) in Double(v) }
    case .float64: load(part, buffer) { (v: Double) in v }
    case .float16: load(part, buffer) { (v: UInt16) in Double(Float16(bitPattern: v)) }
    default: load(part, buffer) { (v: UInt16) in Double(floatValue(bfloat16: v)) }
    }
  }

  fileprivate func loadIntegers(_ part: Range<Int>, _ buffer: UnsafeMutablePointer<Int64>) {
    switch elementType {
    case .int8, .int4, .int2: load(part, buffer) { (v: Int8) in Int64(v) }
    case .uint8, .uint4, .uint2, .bool: load(part, buffer) { (v: UInt8) in Int64(v) }
    case .int16: load(part, buffer) { (v: Int16) in Int64(v) }
    case .uint16: load(part, buffer) { (v: UInt16) in Int64(v) }
    case .int32: load(part, buffer) { (v: Int32) in Int64(v) }
    case .uint32: load(part, buffer) { (v: UInt32) in Int64(v) }
    default: load(part, buffer) { (v: Int64) in v }
    }
  }

  @inline(__always)
  private func load<From: BitwiseCopyable, Carrier>(
    _ part: Range<Int>, _ buffer: UnsafeMutablePointer<Carrier>, _ body: (From) -> Carrier
  ) {
    withPointer(to: From.self) { from in
      for i in 0..<part.count { buffer[i] = body(from[part.lowerBound + i]) }
    }
  }
}

@inline(__always)
private func store<Carrier, To: BitwiseCopyable>(
  _ part: Range<Int>, _ memory: UnsafeMutableRawPointer, _ buffer: UnsafePointer<Carrier>,
  _ body: (Carrier) -> To
) {
  let to = memory.assumingMemoryBound(to: To.self)
  for i in 0..<part.count { to[part.lowerBound + i] = body(buffer[i]) }
}

private func storeDoubles(
  _ part: Range<Int>, _ memory: UnsafeMutableRawPointer, _ buffer: UnsafePointer<Double>,
  _ elementType: ElementType
) {
  switch elementType {
  case .float32: store(part, memory, buffer) { Float($0) }
  case .float64: store(part, memory, buffer) { $0 }
  case .float16: store(part, memory, buffer) { Float16($0).bitPattern }
  case .bfloat16: store(part, memory, buffer) { bfloat16Bits(floatRoundedToOdd($0)) }
  case .bool: store(part, memory, buffer) { UInt8($0 == 0 ? 0 : 1) }
  case .int2: store(part, memory, buffer) { Int8(max(-2, min(1, saturated($0) as Int8))) }
  case .uint2: store(part, memory, buffer) { min(3, saturated($0) as UInt8) }
  case .int4: store(part, memory, buffer) { Int8(max(-8, min(7, saturated($0) as Int8))) }
  case .uint4: store(part, memory, buffer) { min(15, saturated($0) as UInt8) }
  case .int8: store(part, memory, buffer) { saturated($0) as Int8 }
  case .uint8: store(part, memory, buffer) { saturated($0) as UInt8 }
  case .int16: store(part, memory, buffer) { saturated($0) as Int16 }
  case .uint16: store(part, memory, buffer) { saturated($0) as UInt16 }
  case .int32: store(part, memory, buffer) { saturated($0) as Int32 }
  case .uint32: store(part, memory, buffer) { saturated($0) as UInt32 }
  case .int64: store(part, memory, buffer) { saturated($0) as Int64 }
  case .uint64: store(part, memory, buffer) { saturated($0) as UInt64 }
  }
}

private func storeIntegers<Carrier: FixedWidthInteger>(
  _ part: Range<Int>, _ memory: UnsafeMutableRawPointer, _ buffer: UnsafePointer<Carrier>,
  _ elementType: ElementType
) {
  switch elementType {
  case .float32: store(part, memory, buffer) { Float($0) }
  case .float64: store(part, memory, buffer) { Double($0) }
  case .float16: store(part, memory, buffer) { Float16(doubleRoundedToOdd($0)).bitPattern }
  case .bfloat16:
    store(part, memory, buffer) { bfloat16Bits(floatRoundedToOdd(doubleRoundedToOdd($0))) }
  case .bool: store(part, memory, buffer) { UInt8($0 == 0 ? 0 : 1) }
  case .int2: store(part, memory, buffer) { (Int8(truncatingIfNeeded: $0) << 6) >> 6 }
  case .uint2: store(part, memory, buffer) { UInt8(truncatingIfNeeded: $0) & 3 }
  case .int4: store(part, memory, buffer) { (Int8(truncatingIfNeeded: $0) << 4) >> 4 }
  case .uint4: store(part, memory, buffer) { UInt8(truncatingIfNeeded: $0) & 15 }
  case .int8, .uint8: store(part, memory, buffer) { UInt8(truncatingIfNeeded: $0) }
  case .int16, .uint16: store(part, memory, buffer) { UInt16(truncatingIfNeeded: $0) }
  case .int32, .uint32: store(part, memory, buffer) { UInt32(truncatingIfNeeded: $0) }
  case .int64, .uint64: store(part, memory, buffer) { UInt64(truncatingIfNeeded: $0) }
  }
}

// MARK: - Rounding once through two types

/// `value` as `float32`, inexact results with an odd last bit, so that rounding on to `bfloat16`
/// equals rounding at once (Boldo and Melquiond 2008).
private func floatRoundedToOdd(_ value: Double) -> Float {
  let nearest = Float(value)
  if Double(nearest) == value || value.isNaN || nearest.isInfinite && value.isInfinite {
    return nearest
  }
  // The float towards zero; an odd last bit marks it as inexact.
  let towardsZero =
    nearest.magnitude.isInfinite || Double(nearest.magnitude) > value.magnitude
    ? Float(bitPattern: nearest.bitPattern - 1) : nearest
  return Float(bitPattern: towardsZero.bitPattern | 1)
}

/// `value` as a `Double`, inexact results with an odd last bit.
private func doubleRoundedToOdd<Integer: FixedWidthInteger>(_ value: Integer) -> Double {
  let magnitude = UInt64(value.magnitude)
  let drop = max(0, 11 - magnitude.leadingZeroBitCount)
  let lost = magnitude & ((1 << UInt64(drop)) - 1)
  let kept = (magnitude >> UInt64(drop)) | (lost == 0 ? 0 : 1)
  let result = Double(kept) * Double(UInt64(1) << UInt64(drop))
  return value < 0 ? -result : result
}
