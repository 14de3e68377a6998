/// The JSON that small files of settings need: objects, lists, strings and whole numbers. This floor
/// has no Foundation to read it with.
enum PlainJSON: Equatable, CustomStringConvertible {
  case object([String: PlainJSON])
  case list([PlainJSON])
  case string(String)
  case number(Int)

  /// The document in `bytes`; `nil` if they are none, name a field twice, or hold what has no case
  /// here.
  init?(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    var parser = Parser(text: text[...])
    guard let value = parser.value(depth: 0), parser.skipSpace(), parser.text.isEmpty else {
      return nil
    }
    self = value
  }

  /// The numbers of a list of them.
  var numbers: [Int]? {
    guard case .list(let values) = self else { return nil }
    let numbers = values.compactMap { if case .number(let number) = $0 { number } else { nil } }
    return numbers.count == values.count ? numbers : nil
  }

  /// The document on one line.
  var description: String {
    switch self {
    case .object(let fields):
      let texts = fields.sorted { $0.key < $1.key }.map { "\(Self.string($0.key)): \($0.value)" }
      return "{" + texts.joined(separator: ", ") + "}"
    case .list(let values): return "[" + values.map(\.description).joined(separator: ", ") + "]"
    case .string(let text): return "\"" + text.unicodeScalars.map(Self.escaped).joined() + "\""
    case .number(let number): return "\(number)"
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case _ where scalar.value < 0x20:
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: return String(scalar)
    }
  }
}

private struct Parser {
  var text: Substring

  /// To Swift, a carriage return and the line feed behind it are one character.
  private static let space: Set<Character> = [" ", "\t", "\r", "\n", "\r\n"]

  /// Skips space; always true.
  mutating func skipSpace() -> Bool {
    text = text.drop { Self.space.contains($0) }
    return true
  }

  /// Takes `character` after space.
  private mutating func take(_ character: Character) -> Bool {
    guard skipSpace(), text.first == character else { return false }
    text.removeFirst()
    return true
  }

  mutating func value(depth: Int) -> PlainJSON? {
    guard depth < 16, skipSpace(), let first = text.first else { return nil }
    switch first {
    case "{": return object(depth: depth)
    case "[": return list(depth: depth)
    case "\"": return string().map { .string($0) }
    default:
      let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "-") }
      guard let number = Int(digits) else { return nil }
      text.removeFirst(digits.count)
      return .number(number)
    }
  }

  private mutating func object(depth: Int) -> PlainJSON? {
    var fields: [String: PlainJSON] = [:]
    guard take("{") else { return nil }
    if take("}") { return .object(fields) }
    repeat {
      guard skipSpace(), let name = string(), take(":"), let value = value(depth: depth + 1),
        fields.updateValue(value, forKey: name) == nil
      else { return nil }
    } while take(",")
    return take("}") ? .object(fields) : nil
  }

  private mutating func list(depth: Int) -> PlainJSON? {
    var values: [PlainJSON] = []
    guard take("[") else { return nil }
    if take("]") { return .list(values) }
    repeat {
      guard let value = value(depth: depth + 1) else { return nil }
      values.append(value)
    } while take(",")
    return take("]") ? .list(values) : nil
  }

  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    var result = ""
    while let character = text.popFirst() {
      switch character {
      case "\"": return result
      case "\\":
        guard let escape = escape() else { return nil }
        result.unicodeScalars.append(escape)
      default:
        guard character.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else { return nil }
        result.append(character)
      }
    }
    return nil
  }

  private mutating func escape() -> Unicode.Scalar? {
    let plain: [Character: Unicode.Scalar] = [
      "\"": "\"", "\\": "\\", "/": "/", "b": "\u{8}", "f": "\u{c}", "n": "\n", "r": "\r", "t": "\t",
    ]
    guard let kind = text.popFirst() else { return nil }
    guard kind == "u" else { return plain[kind] }
    let digits = text.prefix(4)
    guard digits.count == 4, let code = UInt32(digits, radix: 16) else { return nil }
    text.removeFirst(4)
    return Unicode.Scalar(code)
  }
}
