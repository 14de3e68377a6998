extension Granularity: CustomStringConvertible {
  /// `tensor`, `channel` or `group:N`; `nil` for anything else.
  public init?(parsing text: String) {
    switch text {
    case "tensor": self = .tensor
    case "channel": self = .channel
    default:
      guard text.hasPrefix("group:"), let size = Int(text.dropFirst(6)), size > 0 else {
        return nil
      }
      self = .group(size)
    }
  }

  /// The text that ``init(parsing:)`` reads.
  public var description: String {
    switch self {
    case .tensor: "tensor"
    case .channel: "channel"
    case .group(let size): "group:\(size)"
    }
  }
}
