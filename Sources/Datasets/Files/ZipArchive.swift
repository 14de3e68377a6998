/// A zip archive, for `.npz`: stored and deflated entries, also those of zip64.
///
/// Source: PKWARE's APPNOTE.TXT 6.3, sections 4.3 to 4.5.
struct ZipArchive {
  struct Entry {
    var name: String
    var method: Int
    var crc: UInt32
    var compressedCount: Int
    var count: Int
    var offset: Int
  }

  let source: ByteSource
  private(set) var entries: [Entry] = []

  /// Reads the directory at the archive's end.
  init(_ source: ByteSource) throws(DataError) {
    self.source = source
    let (offset, size, number) = try Self.directory(of: source)
    guard size <= 1 << 28 else { throw Self.corrupt(source) }
    var fields = Fields(try source.bytes(at: offset, count: size), path: source.path)
    for _ in 0..<number { entries.append(try Self.entry(&fields)) }
  }

  /// Whether the file begins as a zip archive does.
  static func recognises(_ source: ByteSource) throws(DataError) -> Bool {
    guard source.count >= 22 else { return false }
    return try source.bytes(at: 0, count: 4) == [0x50, 0x4b, 3, 4]
  }

  /// The bytes of an entry: a part of the archive, or unpacked and checked against its CRC.
  func contents(of entry: Entry) throws(DataError) -> ByteSource {
    var local = Fields(try source.bytes(at: entry.offset, count: 30), path: source.path)
    guard try local.number(4) == 0x0403_4b50 else { throw Self.corrupt(source) }
    local.skip(22)
    let start = try entry.offset + 30 + local.number(2) + local.number(2)
    let packed = try source.part(from: start, count: entry.compressedCount)
    switch entry.method {
    case 0:
      guard entry.count == entry.compressedCount else { throw Self.corrupt(source) }
      return packed
    case 8: return try packed.inflated(.deflate, expected: (entry.count, entry.crc))
    default:
      throw DataError(
        file: source.path,
        "entry '\(entry.name)' is compressed by method \(entry.method); "
          + "read are stored and deflated entries")
    }
  }

  private static func corrupt(_ source: ByteSource) -> DataError {
    DataError(file: source.path, "is not a whole zip archive")
  }

  /// Offset, size and number of entries of the central directory.
  private static func directory(
    of source: ByteSource
  ) throws(DataError) -> (offset: Int, size: Int, number: Int) {
    let tailCount = min(source.count, 22 + 0xffff)
    let tailOffset = source.count - tailCount
    let tail = try source.bytes(at: tailOffset, count: tailCount)
    let signature: [UInt8] = [0x50, 0x4b, 5, 6]
    guard tailCount >= 22,
      let start = (0...tailCount - 22).last(where: { tail[$0..<$0 + 4].elementsEqual(signature) })
    else { throw corrupt(source) }
    var end = Fields(Array(tail[start...]), path: source.path)
    end.skip(10)
    var number = try end.number(2)
    var size = try end.number(4)
    var offset = try end.number(4)
    if number == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff {
      var locator = Fields(
        try source.bytes(at: tailOffset + start - 20, count: 20), path: source.path)
      guard try locator.number(4) == 0x0706_4b50 else { throw corrupt(source) }
      locator.skip(4)
      var wide = Fields(
        try source.bytes(at: locator.number(8), count: 56), path: source.path)
      guard try wide.number(4) == 0x0606_4b50 else { throw corrupt(source) }
      wide.skip(28)
      number = try wide.number(8)
      size = try wide.number(8)
      offset = try wide.number(8)
    }
    return (offset, size, number)
  }

  private static func entry(_ fields: inout Fields) throws(DataError) -> Entry {
    guard try fields.number(4) == 0x0201_4b50 else {
      throw DataError(file: fields.path, "is not a whole zip archive")
    }
    fields.skip(4)
    let flags = try fields.number(2)
    let method = try fields.number(2)
    fields.skip(4)
    let crc = UInt32(try fields.number(4))
    var compressedCount = try fields.number(4)
    var count = try fields.number(4)
    let nameCount = try fields.number(2)
    let extraCount = try fields.number(2)
    let commentCount = try fields.number(2)
    fields.skip(8)
    var offset = try fields.number(4)
    let name = String(decoding: try fields.bytes(nameCount), as: UTF8.self)
    var extra = Fields(try fields.bytes(extraCount), path: fields.path)
    fields.skip(commentCount)
    while extra.rest >= 4 {
      let kind = try extra.number(2)
      var field = Fields(try extra.bytes(extra.number(2)), path: fields.path)
      guard kind == 1 else { continue }
      // Zip64: the sizes that did not fit, in this order.
      if count == 0xffff_ffff { count = try field.number(8) }
      if compressedCount == 0xffff_ffff { compressedCount = try field.number(8) }
      if offset == 0xffff_ffff { offset = try field.number(8) }
    }
    guard flags & 1 == 0 else {
      throw DataError(file: fields.path, "entry '\(name)' is encrypted")
    }
    return Entry(
      name: name, method: method, crc: crc, compressedCount: compressedCount, count: count,
      offset: offset)
  }
}

/// Little-endian numbers one after the other.
private struct Fields {
  private var bytesLeft: ArraySlice<UInt8>
  let path: String

  init(_ bytes: [UInt8], path: String) {
    bytesLeft = bytes[...]
    self.path = path
  }

  var rest: Int { bytesLeft.count }

  mutating func skip(_ count: Int) { bytesLeft = bytesLeft.dropFirst(count) }

  mutating func bytes(_ count: Int) throws(DataError) -> [UInt8] {
    guard count <= bytesLeft.count else {
      throw DataError(file: path, "is not a whole zip archive")
    }
    defer { skip(count) }
    return Array(bytesLeft.prefix(count))
  }

  mutating func number(_ count: Int) throws(DataError) -> Int {
    let value = try bytes(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else {
      throw DataError(file: path, "is not a whole zip archive")
    }
    return number
  }
}
