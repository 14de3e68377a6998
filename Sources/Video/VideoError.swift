/// What is wrong with a file of pictures.
public struct VideoError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// What is wrong with it.
  public let reason: String

  /// An error in a file.
  public init(path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  /// The file and the reason.
  public var description: String { "\(path): \(reason)" }
}
