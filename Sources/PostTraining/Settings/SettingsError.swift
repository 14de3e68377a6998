/// What is wrong with settings: the message names the setting.
public struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The message.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}
