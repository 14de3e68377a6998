/// What is wrong with calibration data or statistics: the message names tensor and sample, or file.
public struct CalibrationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The message.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}
