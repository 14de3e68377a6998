/// CRC-32 as ZIP, gzip and PNG use it: polynomial 0xEDB88320, reflected, ones before and after.
public struct CRC32: Sendable {
  private var remainder: UInt32 = 0xffff_ffff

  /// The checksum of nothing so far.
  public init() {}

  /// Appends bytes to the message.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var remainder = remainder
    for byte in bytes {
      remainder = (remainder >> 8) ^ table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)]
    }
    self.remainder = remainder
  }

  /// Appends bytes to the message.
  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The checksum of everything appended so far.
  public var value: UInt32 { ~remainder }

  /// The checksum of `bytes`.
  public static func checksum(of bytes: [UInt8]) -> UInt32 {
    var crc = CRC32()
    crc.update(bytes)
    return crc.value
  }
}

/// The remainder of every byte.
private let table: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { value, _ in
    value & 1 == 1 ? (value >> 1) ^ 0xedb8_8320 : value >> 1
  }
}
