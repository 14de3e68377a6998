import Glibc

/// The bytes of a file, or of a part of one, read where they are asked for.
///
/// What is compressed is unpacked once into a temporary file without a name, so that samples can be
/// read in any order and memory does not grow with their number.
final class ByteSource: Sendable {
  /// The file's path, for messages.
  let path: String
  /// The number of bytes.
  let count: Int

  private let descriptor: SharedDescriptor
  private let base: Int

  private init(path: String, descriptor: SharedDescriptor, base: Int, count: Int) {
    self.path = path
    self.descriptor = descriptor
    self.base = base
    self.count = count
  }

  /// Opens a file as it is.
  convenience init(path: String) throws(DataError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw DataError(file: path, "cannot open: \(systemMessage())") }
    let shared = SharedDescriptor(descriptor)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw DataError(file: path, "is not a file")
    }
    self.init(path: path, descriptor: shared, base: 0, count: Int(status.st_size))
  }

  /// A part of the same file.
  func part(from offset: Int, count: Int) throws(DataError) -> ByteSource {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      throw DataError(file: path, "ends early: \(self.count) bytes")
    }
    return ByteSource(path: path, descriptor: descriptor, base: base + offset, count: count)
  }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Throws: ``DataError`` when there are fewer.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DataError) {
    guard offset >= 0, offset <= count, buffer.count <= count - offset else {
      throw DataError(file: path, "ends early: \(count) bytes")
    }
    var done = 0
    while done < buffer.count {
      let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let got = pread(
        descriptor.number, wanted.baseAddress, wanted.count, off_t(base + offset + done))
      if got < 0 {
        if errno == EINTR { continue }
        throw DataError(file: path, "cannot read: \(systemMessage())")
      }
      guard got > 0 else { throw DataError(file: path, "became shorter while it was read") }
      done += got
    }
  }

  /// `length` bytes from `offset` on.
  func bytes(at offset: Int, count length: Int) throws(DataError) -> [UInt8] {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
      throw DataError(file: path, "ends early: \(count) bytes")
    }
    var failure: DataError?
    let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
      do throws(DataError) {
        try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
        initialized = length
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// A temporary file without a name that `fill` writes to.
  static func temporary(
    for path: String,
    _ fill: (_ write: (UnsafeRawBufferPointer) throws(DataError) -> Void)
      throws(DataError) -> Void
  ) throws(DataError) -> ByteSource {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(folder)/.lowbit-data.XXXXXX".utf8CString)
    let number = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
    guard number >= 0 else {
      throw DataError(file: path, "cannot make a temporary file in '\(folder)': \(systemMessage())")
    }
    let descriptor = SharedDescriptor(number)
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    template.withUnsafeBufferPointer { _ = unlink($0.baseAddress!) }
    var count = 0
    try fill { (bytes: UnsafeRawBufferPointer) throws(DataError) in
      var rest = bytes
      while !rest.isEmpty {
        let wrote = write(number, rest.baseAddress, rest.count)
        if wrote < 0 {
          if errno == EINTR { continue }
          throw DataError(file: path, "cannot unpack into '\(folder)': \(systemMessage())")
        }
        count += wrote
        rest = UnsafeRawBufferPointer(rebasing: rest[wrote...])
      }
    }
    return ByteSource(path: path, descriptor: descriptor, base: 0, count: count)
  }
}

/// A file descriptor, closed with its last user.
private final class SharedDescriptor: Sendable {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { close(number) }
}

/// What the system says about the last error.
func systemMessage() -> String { String(cString: strerror(errno)) }
