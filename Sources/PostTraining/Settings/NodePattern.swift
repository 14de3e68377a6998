public import Graph

/// Chooses nodes of a graph by a glob over their names, or over operators with `op:` in front.
///
/// `*` stands for any characters, `?` for one. A node without a name is matched by its label, for
/// example `Conv -> 15`.
public struct NodePattern: Sendable, Hashable, CustomStringConvertible {
  /// The pattern as written.
  public let description: String

  private let isOperator: Bool
  private let glob: [Character]

  /// Makes a pattern; every text is one.
  public init(_ text: String) {
    description = text
    isOperator = text.hasPrefix("op:")
    glob = Array(isOperator ? text.dropFirst(3) : text[...])
  }

  /// Whether the pattern chooses `node`.
  public func matches(_ node: Node) -> Bool {
    Self.matches(glob, Array(isOperator ? node.operatorType : node.label))
  }

  /// Greedy matching with one point of return, which is enough for `*` without nesting.
  private static func matches(_ glob: [Character], _ text: [Character]) -> Bool {
    var pattern = 0
    var position = 0
    var star: (pattern: Int, position: Int)?
    while position < text.count {
      if pattern < glob.count, glob[pattern] == "*" {
        star = (pattern, position)
        pattern += 1
      } else if pattern < glob.count, glob[pattern] == "?" || glob[pattern] == text[position] {
        pattern += 1
        position += 1
      } else if let last = star {
        pattern = last.pattern + 1
        position = last.position + 1
        star = (last.pattern, position)
      } else {
        return false
      }
    }
    return glob[pattern...].allSatisfy { $0 == "*" }
  }
}
