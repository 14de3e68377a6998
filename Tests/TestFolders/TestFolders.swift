import Glibc

/// A new folder below `$TMPDIR`, or `/tmp` where that is not set, whose name begins with `stem`.
public func makeTestFolder(_ stem: String) -> String {
  let parent = getenv("TMPDIR").map { String(cString: $0) } ?? ""
  var template = Array("\(parent.isEmpty ? "/tmp" : parent)/\(stem).XXXXXX".utf8CString)
  return template.withUnsafeMutableBufferPointer { buffer in
    guard let path = mkdtemp(buffer.baseAddress!) else {
      preconditionFailure("there is no folder for tests in \(parent): \(errno)")
    }
    return String(cString: path)
  }
}
