public import Files

/// Pictures to a file that appears whole or not at all, in the form that a ``VideoHeader`` has.
public struct VideoWriter: ~Copyable {
  private let header: VideoHeader
  private var file: AtomicFile

  /// Opens a file.
  ///
  /// - Throws: `FileError` when it could not be written.
  public init(_ target: String, like header: VideoHeader, overwrite: Bool) throws(FileError) {
    self.header = header
    var opened = try AtomicFile(replacing: target, overwrite: overwrite)
    if let line = header.line { try opened.write(line + "\n") }
    file = opened
  }

  /// Appends a picture.
  ///
  /// - Precondition: It has the size of the header.
  public mutating func write(_ picture: Picture) throws(FileError) {
    precondition(
      picture.width == header.width && picture.height == header.height,
      "a picture of \(picture.width) x \(picture.height) does not fit the file")
    if header.line != nil { try file.write("FRAME\n") }
    try file.write(picture.samples)
  }

  /// Makes the file appear under its name.
  public consuming func commit() throws(FileError) { try file.commit() }
}
