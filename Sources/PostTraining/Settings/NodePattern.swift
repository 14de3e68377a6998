public import Graph

/// Chooses nodes of a graph by a glob over their names, or over operators with `op:` in front.
///
/// `*` stands for any characters, `?` for one. A node without a name is matched by its label, for
/// example `Conv -> 15`.
public struct NodePattern: Sendable, Hashable, CustomStringConvertible {
  /// The pattern as written.
  public let description: String

  private enum Subject: Hashable { case operatorType, label, exactLabel }

  private let subject: Subject
  private let glob: [Character]

  /// Makes a pattern; every text is one.
  public init(_ text: String) {
    description = text
    let isOperator = text.hasPrefix("op:")
    subject = isOperator ? .operatorType : .label
    glob = Array(isOperator ? text.dropFirst(3) : text[...])
  }

  /// Chooses nodes of one label, whose characters all stand for themselves.
  public init(exactly label: String) {
    description = label
    subject = .exactLabel
    glob = []
  }

  /// Whether the pattern chooses `node`, or what `node` is a part of.
  public func matches(_ node: Node) -> Bool {
    switch subject {
    case .operatorType: Self.matches(glob, Array(node.operatorType))
    case .label: labels(of: node).contains { Self.matches(glob, Array($0)) }
    case .exactLabel: labels(of: node).contains(description)
    }
  }

  private func labels(of node: Node) -> [String] {
    [node.label] + (node.metadata[Node.partKey].map { [$0] } ?? [])
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

extension Node {
  /// The key of a node's metadata under which the label of the node stands that it is a part of.
  static let partKey = "qtool.part-of"
}
