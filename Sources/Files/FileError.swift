import Glibc

/// Why a file could not be read or written.
public struct FileError: Error, Sendable, CustomStringConvertible {
  /// The file's path as it was given.
  public let path: String

  /// What was tried and what came of it.
  public let reason: String

  /// An error with a reason of its own.
  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  /// An error that a call of the system reported; `action` completes "cannot ...".
  package init(path: String, cannot action: String, code: Int32 = errno) {
    self.init(path: path, reason: "cannot \(action): \(String(cString: strerror(code)))")
  }

  /// The path and the reason.
  public var description: String { "\(path): \(reason)" }
}
