import CImage
import Glibc

/// How the bytes of a compressed stream are wrapped.
enum CompressedForm {
  /// RFC 1952; several members may follow each other.
  case gzip
  /// RFC 1951, as in a zip archive.
  case deflate

  fileprivate var windowBits: Int32 { self == .gzip ? 15 + 16 : -15 }
}

extension ByteSource {
  /// Whether the file begins as a gzip file does.
  func isGzip() throws(DataError) -> Bool {
    guard count >= 18 else { return false }
    return try bytes(at: 0, count: 2) == [0x1f, 0x8b]
  }

  /// The file's bytes, unpacked where it is a gzip file.
  func unpacked() throws(DataError) -> ByteSource {
    try isGzip() ? inflated(.gzip) : self
  }

  /// The unpacked bytes, in a temporary file.
  ///
  /// - Parameters:
  ///   - expected: the number of bytes and their CRC-32, where an archive states them.
  /// - Throws: ``DataError`` when the stream is corrupt, ends early or is not what was expected.
  func inflated(
    _ form: CompressedForm, expected: (count: Int, crc: UInt32)? = nil
  ) throws(DataError) -> ByteSource {
    var crc = CImage.crc32(0, nil, 0)
    let result = try ByteSource.temporary(for: path) {
      (write: (UnsafeRawBufferPointer) throws(DataError) -> Void) throws(DataError) in
      let inflater = try Inflater(form, path: path)
      try inflater.run(over: self) { (bytes: UnsafeRawBufferPointer) throws(DataError) in
        crc = CImage.crc32(
          crc, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count))
        try write(bytes)
      }
    }
    if let expected, expected.count != result.count || expected.crc != UInt32(crc) {
      throw DataError(file: path, "is corrupt: the unpacked bytes are not what the archive states")
    }
    return result
  }
}

/// zlib's `inflate` over a ``ByteSource`` in blocks.
private struct Inflater: ~Copyable {
  /// On the heap, because zlib keeps its address.
  private let stream: UnsafeMutablePointer<z_stream>
  private let form: CompressedForm
  private let path: String
  private static let blockSize = 1 << 17

  init(_ form: CompressedForm, path: String) throws(DataError) {
    self.form = form
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = inflateInit2_(
      stream, form.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw DataError(file: path, "zlib cannot start: \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func run(
    over source: ByteSource, _ body: (UnsafeRawBufferPointer) throws(DataError) -> Void
  ) throws(DataError) {
    let input = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.blockSize)
    let output = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.blockSize)
    defer {
      input.deallocate()
      output.deallocate()
    }
    var offset = 0
    var ended = false
    while !ended || (form == .gzip && (offset < source.count || stream.pointee.avail_in > 0)) {
      if stream.pointee.avail_in == 0 {
        let count = min(Self.blockSize, source.count - offset)
        guard count > 0 else { throw DataError(file: path, "is compressed and ends early") }
        try source.read(at: offset, into: UnsafeMutableRawBufferPointer(start: input, count: count))
        offset += count
        stream.pointee.next_in = input
        stream.pointee.avail_in = UInt32(count)
      }
      if ended {
        // Another gzip member follows.
        guard inflateReset(stream) == Z_OK else { throw corrupt() }
        ended = false
      }
      stream.pointee.next_out = output
      stream.pointee.avail_out = UInt32(Self.blockSize)
      let status = inflate(stream, Z_NO_FLUSH)
      guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
        throw corrupt()
      }
      try body(
        UnsafeRawBufferPointer(start: output, count: Self.blockSize - Int(stream.pointee.avail_out))
      )
      ended = status == Z_STREAM_END
    }
  }

  private func corrupt() -> DataError {
    let reason = stream.pointee.msg.map { ": \(String(cString: $0))" } ?? ""
    return DataError(file: path, "is compressed and corrupt\(reason)")
  }
}
