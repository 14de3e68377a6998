/// What is wrong with a graph: the message names the node and the operator or the value.
public struct GraphError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whether the graph breaks ONNX's rules or asks for something that is not supported.
  public enum Kind: Sendable, Hashable {
    case invalid
    case unsupported
  }

  /// Which of the two.
  public let kind: Kind

  /// The message.
  public let description: String

  /// The graph breaks a rule.
  public static func invalid(_ message: String) -> GraphError {
    GraphError(kind: .invalid, description: message)
  }

  /// The graph is right but needs something that is not there.
  public static func unsupported(_ message: String) -> GraphError {
    GraphError(kind: .unsupported, description: message)
  }

  /// The error with the name of the file that holds the graph before its message.
  public func located(in file: String) -> GraphError {
    GraphError(kind: kind, description: "\(file): \(description)")
  }
}
