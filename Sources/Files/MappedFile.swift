import Glibc

/// A regular file mapped into memory for reading, unmapped with the last reference.
///
/// The mapping is private, but a file that another program truncates while it is mapped ends this
/// process with a bus error, as with every mapped file.
///
/// `@unchecked Sendable` because the bytes are never written.
package final class MappedFile: @unchecked Sendable {
  package let path: String
  /// The file's bytes, which are there as long as this object: keep it with `withExtendedLifetime`
  /// where nothing else does.
  package let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`.
  ///
  /// - Throws: ``FileError`` when it cannot be opened or is no regular file.
  package init(path: String) throws(FileError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(path: path, cannot: "open") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, cannot: "examine") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path: path, reason: "is not a regular file")
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
      start != MAP_FAILED
    else { throw FileError(path: path, cannot: "map") }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }
}
