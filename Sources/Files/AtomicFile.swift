import Glibc

/// A file that appears under its name whole or not at all.
///
/// Bytes go to a hidden temporary file beside the target. ``commit()`` flushes it to the disk, reads
/// it back and compares a checksum with what was written, then renames it to the target. A value
/// that goes away uncommitted, for example because an error was thrown, leaves nothing behind; so
/// does an interrupted process that calls ``removeTemporaryFiles()`` before it ends. What a killed
/// process leaves is hidden and is removed when the same target is written the next time.
///
///     var file = try AtomicFile(replacing: "model.onnx", overwrite: false)
///     try file.write(bytes)
///     try file.commit()
public struct AtomicFile: ~Copyable {
  /// The path that the file will have.
  public let target: String

  private let temporary: String
  private let descriptor: Int32
  private var written = Checksum()
  private var isFinished = false
  private var committed = false

  /// Opens a temporary file beside `target`.
  ///
  /// - Throws: ``FileError`` when `target` exists and `overwrite` is false, when it is a folder, or
  ///   when its folder cannot be written.
  public init(replacing target: String, overwrite: Bool) throws(FileError) {
    try Self.check(target, overwrite: overwrite)
    let (folder, name) = Self.split(target)
    guard let (path, descriptor) = TemporaryFiles.create(in: folder, for: name) else {
      throw FileError(path: target, cannot: "create a file in '\(folder)'")
    }
    self.target = target
    self.descriptor = descriptor
    temporary = path
  }

  deinit {
    close(descriptor)
    if !committed { TemporaryFiles.remove(temporary) }
  }

  /// Appends bytes.
  ///
  /// - Throws: ``FileError``, for example when the disk is full.
  public mutating func write(_ bytes: some Sequence<UInt8>) throws(FileError) {
    let wrote: Result<Void, FileError>? = bytes.withContiguousStorageIfAvailable { buffer in
      Result { () throws(FileError) in try write(raw: UnsafeRawBufferPointer(buffer)) }
    }
    if let wrote { return try wrote.get() }
    try write(Array(bytes))
  }

  /// Appends the UTF-8 of a text.
  public mutating func write(_ text: String) throws(FileError) {
    try write(text.utf8)
  }

  /// Appends bytes.
  package mutating func write(raw bytes: UnsafeRawBufferPointer) throws(FileError) {
    precondition(!isFinished, "\(target) is written after it was finished")
    written.update(bytes)
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(path: target, cannot: "write")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Makes the file appear under its name.
  ///
  /// - Parameter validate: called with the path of the temporary file once its bytes are known to be
  ///   on the disk; what it throws is passed on and the target stays as it was.
  public consuming func commit(
    validating validate: (_ path: String) throws -> Void
  ) throws {
    try finish()
    try validate(temporary)
    try rename()
  }

  /// Makes the file appear under its name.
  public consuming func commit() throws(FileError) {
    try finish()
    try rename()
  }

  /// Flushes everything to the disk and reads it back, so that ``commit()`` only renames: files that
  /// belong together are all finished before the first of them appears. Nothing can be written
  /// afterwards.
  ///
  /// - Throws: ``FileError``, for example when the disk is full.
  public mutating func finish() throws(FileError) {
    guard !isFinished else { return }
    // mkstemp makes the file private; a result has the permissions that any new file would have.
    let mask = umask(0)
    umask(mask)
    guard fchmod(descriptor, 0o666 & ~mask) == 0, fsync(descriptor) == 0 else {
      throw FileError(path: target, cannot: "write")
    }
    var found = Checksum()
    var offset = 0
    try withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 64) {
      (block: UnsafeMutableRawBufferPointer) throws(FileError) in
      while true {
        let count = pread(descriptor, block.baseAddress, block.count, off_t(offset))
        if count < 0 {
          if errno == EINTR { continue }
          throw FileError(path: target, cannot: "read back")
        }
        if count == 0 { break }
        found.update(UnsafeRawBufferPointer(rebasing: block[..<count]))
        offset += count
      }
    }
    guard found == written else {
      throw FileError(path: target, reason: "what was read back is not what was written")
    }
    isFinished = true
  }

  private mutating func rename() throws(FileError) {
    guard Glibc.rename(temporary, target) == 0 else {
      throw FileError(path: target, cannot: "rename the temporary file to it")
    }
    committed = true
    TemporaryFiles.forget(temporary)
  }
}

extension AtomicFile {
  /// Writes a whole file.
  public static func write(
    _ bytes: some Sequence<UInt8>, to target: String, overwrite: Bool
  ) throws(FileError) {
    var file = try AtomicFile(replacing: target, overwrite: overwrite)
    try file.write(bytes)
    try file.commit()
  }

  /// Throws what ``init(replacing:overwrite:)`` would, without making a file: for commands that
  /// compute for minutes before they write.
  public static func check(_ target: String, overwrite: Bool) throws(FileError) {
    var status = stat()
    if stat(target, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR {
        throw FileError(path: target, reason: "is a folder")
      }
      guard overwrite else {
        throw FileError(path: target, reason: "exists already; --overwrite replaces it")
      }
    }
    let (folder, name) = split(target)
    guard !name.isEmpty else { throw FileError(path: target, reason: "names no file") }
    guard access(folder, W_OK | X_OK) == 0 else {
      throw FileError(path: target, cannot: "create a file in '\(folder)'")
    }
  }

  /// Removes the temporary files of this process; nothing can be committed afterwards. For signal
  /// handling threads that are about to end the process.
  public static func removeTemporaryFiles() { TemporaryFiles.removeAll() }

  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let name = String(path[path.utf8.index(after: slash)...])
    return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
  }
}

/// FNV-1a over 64-bit words: tells a torn or altered file from what was meant, not a forged one.
private struct Checksum: Equatable {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325
  private var count = 0
  private var word: UInt64 = 0

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while count & 7 != 0, let byte = rest.first {
      take(byte)
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
    }
    let whole = rest.count & ~7
    for offset in stride(from: 0, to: whole, by: 8) {
      word = UInt64(littleEndian: rest.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      mix()
    }
    count += whole
    for byte in rest[whole...] { take(byte) }
  }

  private mutating func take(_ byte: UInt8) {
    word = word >> 8 | UInt64(byte) << 56
    count += 1
    if count & 7 == 0 { mix() }
  }

  private mutating func mix() { state = (state ^ word) &* 0x100_0000_01b3 }

  static func == (a: Checksum, b: Checksum) -> Bool {
    a.state == b.state && a.count == b.count
      && (a.count & 7 == 0
        || a.word >> (64 - 8 * UInt64(a.count & 7)) == b.word >> (64 - 8 * UInt64(b.count & 7)))
  }
}
