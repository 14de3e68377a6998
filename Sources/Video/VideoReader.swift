import Files

/// Pictures from a file: YUV4MPEG2 (`.y4m`), or raw samples of a size that the caller knows, both 4:2:0
/// with 8 bits. Pictures are read when they are asked for.
public struct VideoReader: Sendable {
  /// The file.
  public let path: String
  /// Its first line, or the size.
  public let header: VideoHeader
  /// The number of pictures.
  public var count: Int { offsets.count }

  private let file: MappedFile
  /// Where the samples of pictures begin.
  private let offsets: [Int]

  private static let magic = Array("YUV4MPEG2".utf8)
  private static let longestLine = 1 << 12

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - size: Width and height of raw pictures; `nil` for YUV4MPEG2, which says so itself.
  /// - Throws: ``VideoError`` naming the file, and the picture that is not whole; `FileError` when the
  ///   file cannot be read.
  public init(_ path: String, size: (width: Int, height: Int)? = nil) throws {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    self.file = file
    self.path = path
    if file.bytes.starts(with: Self.magic) {
      let (header, offsets) = try Self.index(file.bytes, path)
      self.header = header
      self.offsets = offsets
      guard size.map({ $0 == (header.width, header.height) }) ?? true else {
        throw VideoError(path: path, "pictures have \(header.width) x \(header.height) samples")
      }
      return
    }
    guard let size, (1...VideoHeader.largest).contains(size.width),
      (1...VideoHeader.largest).contains(size.height)
    else {
      throw VideoError(
        path: path,
        "does not begin with YUV4MPEG2; raw samples need a size within 1...\(VideoHeader.largest)")
    }
    header = VideoHeader(width: size.width, height: size.height)
    guard file.bytes.count % header.sampleCount == 0 else {
      throw VideoError(
        path: path,
        "\(file.bytes.count) bytes are no whole number of pictures of \(header.sampleCount) bytes")
    }
    let step = header.sampleCount
    offsets = Array(stride(from: 0, to: file.bytes.count, by: step))
  }

  /// The first line, and where pictures begin.
  private static func index(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(VideoError) -> (VideoHeader, [Int]) {
    guard let first = line(bytes, from: 0) else {
      throw VideoError(path: path, "the first line does not end within \(longestLine) bytes")
    }
    let header = try VideoHeader(line: first.text, path: path)
    var offsets: [Int] = []
    var place = first.next
    while place < bytes.count {
      guard let frame = line(bytes, from: place), frame.text.hasPrefix("FRAME"),
        header.sampleCount <= bytes.count - frame.next
      else {
        throw VideoError(
          path: path,
          "picture \(offsets.count), at byte \(place), does not begin with FRAME or is cut off")
      }
      offsets.append(frame.next)
      place = frame.next + header.sampleCount
    }
    return (header, offsets)
  }

  private static func line(
    _ bytes: UnsafeRawBufferPointer, from start: Int
  ) -> (text: String, next: Int)? {
    let part = bytes[start..<min(start + longestLine, bytes.count)]
    guard let end = part.firstIndex(of: 10) else { return nil }
    return (String(decoding: part[..<end], as: UTF8.self), end + 1)
  }

  /// A picture.
  ///
  /// - Precondition: `number` is within 0 and ``count``.
  public subscript(number: Int) -> Picture {
    defer { withExtendedLifetime(file) {} }
    let start = offsets[number]
    return Picture(
      width: header.width, height: header.height,
      samples: Array(file.bytes[start..<start + header.sampleCount]))
  }
}
