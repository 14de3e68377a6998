import Files
import LowBit

extension ReportPage {
  /// Writes the page whole or not at all.
  func write(to path: String, overwrite: Bool) throws(FileError) {
    try AtomicFile.write(text.utf8, to: path, overwrite: overwrite)
  }
}
