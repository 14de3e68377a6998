/// The records of a zip archive of stored entries; without dates, so that the same entries give the
/// same bytes. Every size is written in zip64 as well, as NumPy does.
struct ZipWriter {
  private var central: [UInt8] = []
  private var number = 0
  private var offset = 0

  /// The record that stands before an entry's `count` bytes.
  mutating func entry(name: String, count: Int, crc: UInt32) -> [UInt8] {
    let name = Array(name.utf8)
    // Version needed, flags (UTF-8 name), stored, 1980-01-01 00:00.
    var shared =
      Self.bytes(45, 2) + Self.bytes(0x800, 2) + Self.bytes(0, 2) + Self.bytes(0x21_0000, 4)
    shared += Self.bytes(Int(crc), 4) + Self.bytes(0xffff_ffff, 4) + Self.bytes(0xffff_ffff, 4)
    shared += Self.bytes(name.count, 2)
    let sizes = Self.bytes(count, 8) + Self.bytes(count, 8)
    let local =
      Self.bytes(0x0403_4b50, 4) + shared + Self.bytes(20, 2) + name
      + Self.bytes(1, 2) + Self.bytes(16, 2) + sizes
    central += Self.bytes(0x0201_4b50, 4) + Self.bytes(45, 2) + shared + Self.bytes(28, 2)
    // Comment, disk, attributes; the offset stands in the zip64 field.
    central += Self.bytes(0, 2) + Self.bytes(0, 2) + Self.bytes(0, 2) + Self.bytes(0, 4)
    central += Self.bytes(0xffff_ffff, 4) + name
    central += Self.bytes(1, 2) + Self.bytes(24, 2) + sizes + Self.bytes(offset, 8)
    offset += local.count + count
    number += 1
    return local
  }

  /// What ends the archive.
  func directory() -> [UInt8] {
    let end = offset + central.count
    var tail =
      Self.bytes(0x0606_4b50, 4) + Self.bytes(44, 8) + Self.bytes(45, 2) + Self.bytes(45, 2)
    tail += Self.bytes(0, 4) + Self.bytes(0, 4) + Self.bytes(number, 8) + Self.bytes(number, 8)
    tail += Self.bytes(central.count, 8) + Self.bytes(offset, 8)
    tail += Self.bytes(0x0706_4b50, 4) + Self.bytes(0, 4) + Self.bytes(end, 8) + Self.bytes(1, 4)
    tail +=
      Self.bytes(0x0605_4b50, 4) + Self.bytes(0, 4) + Self.bytes(0xffff, 2) + Self.bytes(0xffff, 2)
    tail += Self.bytes(0xffff_ffff, 4) + Self.bytes(0xffff_ffff, 4) + Self.bytes(0, 2)
    return central + tail
  }

  private static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
