import Glibc

/// Standard output: data and results, nothing else.
enum StandardOutput {
  /// Prints a result and a line end. A full disk or a closed pipe behind a redirection is an error.
  static func print(_ text: String) throws(UsageError) {
    var text = text + "\n"
    let failed: Int32? = text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = write(STDOUT_FILENO, rest.baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          return errno
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return nil
    }
    if let failed {
      throw UsageError("cannot write to standard output: \(String(cString: strerror(failed)))")
    }
  }

  /// Prints the last text of the process; returns the exit code.
  static func printAtExit(_ text: String) -> Int32 {
    do {
      try print(text)
      return ExitStatus.done.rawValue
    } catch {
      Console.shared.error("\(error)")
      return ExitStatus.usage.rawValue
    }
  }
}
