/// A piece of a page, well-formed as XML and as HTML.
///
/// What comes from files enters as text or as the value of an attribute, and both are escaped; names
/// of elements and attributes are written in the program. There is no other way to make markup.
struct Markup: Sendable {
  /// The source text.
  let source: String

  private init(source: String) { self.source = source }

  /// `text` as it is, with everything escaped that markup could take for its own.
  init(_ text: String) { source = Self.escaped(text) }

  /// One piece after the other.
  init(_ pieces: [Markup]) { source = pieces.map(\.source).joined() }

  /// An element.
  init(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
    _ children: [Markup] = []
  ) {
    var tag = "<\(name)"
    for (key, value) in attributes { tag += " \(key)=\"\(Self.escaped(value))\"" }
    if Self.void.contains("\(name)") {
      precondition(children.isEmpty, "<\(name)> holds nothing")
      source = tag + "/>"
    } else {
      source = tag + ">" + children.map(\.source).joined() + "</\(name)>"
    }
  }

  /// An element that holds a text.
  init(
    _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], _ text: String
  ) {
    self.init(name, attributes, [Markup(text)])
  }

  /// A style sheet: text of the program, in which nothing is escaped.
  static func style(_ rules: StaticString) -> Markup {
    Markup(source: "<style>\n\(rules)\n</style>")
  }

  /// Elements that hold nothing and have no end tag in HTML.
  private static let void: Set = ["br", "hr", "meta"]

  /// The text with markup's own characters as references. Control characters, which neither XML nor
  /// HTML can hold, become U+FFFD; so do the controls of the direction of text, by which a name could
  /// rearrange its neighbours.
  private static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where isForbidden(scalar): result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x202a...0x202e, 0x2066...0x2069, 0xfffe...0xffff: true
    default: false
    }
  }
}

extension Markup: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  /// Text, escaped like any other.
  init(stringLiteral text: String) { self.init(text) }
}
