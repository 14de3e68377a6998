public import Operations
public import Tensors

/// Codes to be packed channels last and unpacked again.
public struct PackingCase: Sendable, CustomStringConvertible {
  /// `[N, C]`, `[N, C, W]` or `[N, C, H, W]`
  public let codes: Tensor
  /// Bits of a code.
  public let bits: Int

  /// The shape and the bits.
  public var description: String { "\(codes.elementType) \(codes.shape) in \(bits) bits" }

  /// Random codes of `elementType` that `bits` hold.
  public init(_ shape: [Int], as elementType: ElementType, bits: Int) {
    var samples = SampleValues(seed: 21)
    let codes = samples.codes(shape, as: elementType)
    let excess = max(0, elementType.bitCount - bits)
    // Shifting bits out leaves every code that the rest can hold.
    self.codes =
      Int8.represents(elementType)
      ? Tensor(
        codes.array(of: Int8.self).map { $0 >> Int8(excess) }, shape: shape, as: elementType)
      : Tensor(
        codes.array(of: UInt8.self).map { $0 >> UInt8(excess) }, shape: shape, as: elementType)
    self.bits = bits
  }

  /// The bytes of the packed codes.
  public func result<B: Backend>(on backend: B) throws -> Tensor {
    try backend.download(backend.packCodes(backend.upload(codes), zeroPoint: 0, bits: bits)).bytes
  }

  /// Every width, and channels and pixels that fill vectors and that do not.
  public static let all: [PackingCase] =
    [1, 2, 4, 8].flatMap { bits in
      [1, 3, 4, 5, 17, 31, 32, 33, 63, 64, 65, 130, 260].map { channels in
        PackingCase([2, channels, 3, 7], as: channels % 3 == 0 ? .int8 : .uint8, bits: bits)
      } + [
        PackingCase([3, 20], as: .uint8, bits: bits),
        PackingCase([2, 5, 9], as: .int8, bits: bits),
        PackingCase([0, 5, 2, 2], as: .uint8, bits: bits),
        PackingCase([1, 3, 40, 70], as: .uint8, bits: bits),
        PackingCase([1, 70, 20, 33], as: .int8, bits: bits),
      ]
    } + [
      PackingCase([1, 9, 4, 4], as: .int4, bits: 4),
      PackingCase([1, 9, 4, 4], as: .uint2, bits: 8),
    ]
}
