import Tensors

/// How the codes of a tensor lie in memory for integer kernels: channels last, a pixel after the other.
///
/// A tensor `[N, C, H, W]` becomes `uint8` `[N, H, W, pixelBytes]`. Channel `c` of a pixel takes
/// bits `c * bits ..< (c + 1) * bits` of the pixel's bytes, low bits first; what is left of the pixel
/// is 0. Codes are unsigned: a signed code is stored plus `1 << (bits - 1)`.
public struct CodeLayout: Sendable, Hashable {
  /// Channels of a pixel.
  public let channels: Int
  /// Bits of a code: 1, 2, 4 or 8.
  public let bits: Int

  /// A layout of `channels` codes of `bits` bits a pixel.
  public init(channels: Int, bits: Int = 8) {
    precondition([1, 2, 4, 8].contains(bits), "codes of \(bits) bits are not packed")
    self.channels = channels
    self.bits = bits
  }

  /// Bytes from a pixel to the next: whole blocks of 32, as vectors read them, or 4 where the codes
  /// need no more.
  public var pixelBytes: Int {
    let bytes = (channels * bits + 7) / 8
    return bytes <= 4 ? 4 : (bytes + 31) / 32 * 32
  }

  /// What is added to a signed code before it is stored.
  public var offset: Int { 1 << (bits - 1) }

  /// The largest code.
  public var maximum: Int { 1 << bits - 1 }
}

/// Codes in a ``CodeLayout`` on a backend.
public struct PackedCodes<Value: BackendValue>: Sendable {
  /// `uint8` `[N, H, W, layout.pixelBytes]`
  public var bytes: Value
  /// How the codes lie in `bytes`.
  public var layout: CodeLayout
  /// The code that stands for zero; a convolution's border has it.
  public var zeroPoint: Int
  /// No code is larger: the layout's largest, or less where more is known. Some kernels are exact for
  /// few codes only.
  public var maximum: Int

  /// Names what `bytes` holds.
  public init(_ bytes: Value, layout: CodeLayout, zeroPoint: Int, maximum: Int? = nil) {
    precondition(
      bytes.elementType == .uint8 && bytes.rank == 4 && bytes.shape[3] == layout.pixelBytes,
      "\(bytes.elementType) \(bytes.shape) does not hold \(layout)")
    precondition((0...layout.maximum).contains(zeroPoint), "zero point \(zeroPoint) in \(layout)")
    self.bytes = bytes
    self.layout = layout
    self.zeroPoint = zeroPoint
    self.maximum = min(maximum ?? layout.maximum, layout.maximum)
  }

  /// The shape with channels second, `[N, C, H, W]`.
  public var shape: [Int] {
    [bytes.shape[0], layout.channels, bytes.shape[1], bytes.shape[2]]
  }
}
