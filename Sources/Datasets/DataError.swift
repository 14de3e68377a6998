/// What is wrong with data: the message names the file and, where there is one, the sample.
public struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The message.
  public let description: String

  /// An error with a message that names file and sample itself.
  public init(_ message: String) { description = message }

  /// An error of a file.
  public init(file: String, _ message: String) { description = "\(file): \(message)" }

  /// An error of one sample.
  public init(file: String, sample: Int, _ message: String) {
    description = "\(file): sample \(sample): \(message)"
  }
}
