import Glibc

/// Small files read at once.
public enum WholeFile {
  /// The bytes of a file.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: more bytes than this are an error, so that a wrong path does not fill the memory.
  /// - Throws: ``FileError`` when the file is missing, is a folder, cannot be read or is too large.
  public static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, cannot: "open") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, cannot: "open") }
    if status.st_mode & S_IFMT == S_IFDIR { throw FileError(path: path, reason: "is a folder") }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &block, block.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, cannot: "read")
      }
      if count == 0 { return bytes }
      bytes += block[..<count]
      guard bytes.count <= limit else {
        throw FileError(path: path, reason: "is larger than \(limit) bytes")
      }
    }
  }
}
