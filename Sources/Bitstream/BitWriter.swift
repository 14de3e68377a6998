/// Writes syntax elements, most significant bit first; what ``BitReader`` reads.
public struct BitWriter: Sendable {
  /// What has been written; the last byte is filled up with zeros.
  public private(set) var bytes: [UInt8] = []

  /// Bits that the last byte has left.
  private var free = 0

  /// Nothing so far.
  public init() {}

  /// Whether the next bit is the first one of a byte.
  public var isAligned: Bool { free == 0 }

  /// Bits written so far.
  public var count: Int { bytes.count * 8 - free }

  /// u(n): the lower `width` bits of `value`, at most 32.
  public mutating func unsigned(_ width: Int, _ value: Int) {
    precondition(value >= 0 && value >> width == 0, "\(value) has no \(width) bits")
    var missing = width
    while missing > 0 {
      if free == 0 {
        bytes.append(0)
        free = 8
      }
      let taken = min(free, missing)
      let part = value >> (missing - taken) & (1 << taken - 1)
      bytes[bytes.count - 1] |= UInt8(part << (free - taken))
      free -= taken
      missing -= taken
    }
  }

  /// u(1).
  public mutating func flag(_ value: Bool) { unsigned(1, value ? 1 : 0) }

  /// An exponential Golomb code, see ``BitReader/unsignedGolomb(order:_:)``.
  public mutating func unsignedGolomb(order: Int = 0, _ value: Int) {
    precondition((0..<(1 << 32 - 1)).contains(value), "ue(v) does not hold \(value)")
    var width = order
    var rest = value
    while rest >= 1 << width {
      flag(false)
      rest -= 1 << width
      width += 1
    }
    flag(true)
    unsigned(width, rest)
  }

  /// se(v).
  public mutating func signedGolomb(_ value: Int) {
    unsignedGolomb(value > 0 ? 2 * value - 1 : -2 * value)
  }

  /// Whole bytes.
  ///
  /// - Precondition: ``isAligned``.
  public mutating func append(_ more: some Sequence<UInt8>) {
    precondition(isAligned, "bytes begin in the middle of a byte")
    bytes.append(contentsOf: more)
  }

  /// Whole bytes, wherever they begin.
  public mutating func appendUnaligned(_ more: [UInt8]) {
    for byte in more { unsigned(8, Int(byte)) }
  }

  /// st(v): UTF-8 and a zero byte.
  public mutating func text(_ text: String) {
    precondition(!text.utf8.contains(0), "a text holds a zero byte")
    append(text.utf8)
    append([0])
  }

  /// Copies of `bit` up to the next byte.
  public mutating func align(with bit: Int) {
    while !isAligned { unsigned(1, bit) }
  }

  /// A one, then zeros up to the next byte.
  public mutating func stopBit() {
    flag(true)
    align(with: 0)
  }
}
