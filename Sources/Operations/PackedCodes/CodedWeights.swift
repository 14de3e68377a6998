public import Tensors

/// The weights of a quantized convolution.
public struct CodedWeights<Value: BackendValue>: Sendable {
  /// Codes held a byte each, `[M, C/groups, kernel...]`; or, with ``packedType``, `uint8` `[M, bytes]`
  /// as `Tensor.packedRows()` makes them.
  public var codes: Value
  /// A scalar or `[M]`, held a byte each; nothing stands for zero.
  public var zeroPoint: Value?
  /// `[M, C/groups, kernel...]`
  public var shape: [Int]
  /// The type of packed codes: `int4`, `uint4`, `int2` or `uint2`.
  public var packedType: ElementType?

  /// Codes held a byte each.
  public init(_ codes: Value, zeroPoint: Value? = nil) {
    self.codes = codes
    self.zeroPoint = zeroPoint
    shape = codes.shape
  }

  /// Codes of type `packedType` in rows of whole bytes.
  public init(
    packed codes: Value, as packedType: ElementType, shape: [Int], zeroPoint: Value? = nil
  ) {
    precondition(
      packedType.bitCount < 8 && codes.elementType == .uint8
        && codes.count == shape[0] * packedType.rowByteCount(shape.dropFirst().reduce(1, *)),
      "\(codes.elementType) \(codes.shape) does not hold \(packedType) \(shape)")
    self.codes = codes
    self.zeroPoint = zeroPoint
    self.shape = shape
    self.packedType = packedType
  }
}

extension Tensor {
  /// Codes of 4 or 2 bits packed two or four a byte, low bits first; every index of the first axis
  /// begins at a whole byte, and unused bits are 0. The result is `uint8`
  /// `[extent of the first axis, bytes]`.
  public func packedRows() -> Tensor {
    let bits = elementType.bitCount
    precondition(bits < 8 && rank > 0, "\(self) has no codes to pack")
    let rowCount = shape.dropFirst().reduce(1, *)
    let rowBytes = elementType.rowByteCount(rowCount)
    return Tensor(shape: [shape[0], rowBytes]) { (packed: UnsafeMutableBufferPointer<UInt8>) in
      withBytes { codes in
        for (i, code) in codes.enumerated() {
          let (row, k) = i.quotientAndRemainder(dividingBy: rowCount)
          packed[row * rowBytes + k * bits / 8] |=
            (code & (1 << bits - 1)) << (k * bits % 8)
        }
      }
    }
  }

  /// The codes of type `elementType` that ``packedRows()`` packed, a byte each, as `shape`.
  public func unpackedRows(as elementType: ElementType, shape: [Int]) -> Tensor {
    let bits = elementType.bitCount
    let rowCount = shape.dropFirst().reduce(1, *)
    let rowBytes = elementType.rowByteCount(rowCount)
    precondition(
      self.elementType == .uint8 && count == shape[0] * rowBytes,
      "\(self) does not hold \(elementType) \(shape)")
    let codes = withElements(of: UInt8.self) { packed in
      (0..<shape[0] * rowCount).map { i in
        let (row, k) = i.quotientAndRemainder(dividingBy: rowCount)
        return packed[row * rowBytes + k * bits / 8] >> (k * bits % 8) & (1 << bits - 1)
      }
    }
    guard Int8.represents(elementType) else { return Tensor(codes, shape: shape, as: elementType) }
    // The sign bit moves to the top and back down.
    let signed = codes.map { Int8(bitPattern: $0 << (8 - bits)) >> (8 - bits) }
    return Tensor(signed, shape: shape, as: elementType)
  }
}

extension ElementType {
  /// Bytes that `count` packed codes take.
  package func rowByteCount(_ count: Int) -> Int { (count * bitCount + 7) / 8 }
}
