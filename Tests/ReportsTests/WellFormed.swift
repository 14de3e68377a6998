/// Reads a page as XML, strictly: every element ends where it must, attributes are quoted and stand
/// once, and nothing but the five references of XML is referred to.
struct WellFormed {
  struct Element {
    var name: String
    var attributes: [String: String]
    /// The text of the element and of all in it.
    var text = ""
  }

  struct Fault: Error { var description: String }

  /// All elements in the order in which they end.
  private(set) var elements: [Element] = []
  private var rest: Substring

  init(_ page: String) throws {
    let declaration = "<!DOCTYPE html>\n"
    guard page.hasPrefix(declaration) else { throw Fault(description: "no declaration") }
    rest = page.dropFirst(declaration.count)
    var open: [Element] = []
    while !rest.isEmpty {
      if rest.first == "<" {
        try readTag(&open)
      } else {
        let text = try Self.resolved(take { $0 != "<" })
        if open.isEmpty, text.contains(where: { !$0.isWhitespace }) {
          throw Fault(description: "text outside of the page: \(text)")
        }
        for place in open.indices { open[place].text += text }
      }
    }
    guard open.isEmpty else { throw Fault(description: "<\(open.last?.name ?? "")> has no end") }
  }

  private mutating func take(_ isPart: (Character) -> Bool) -> String {
    let part = rest.prefix(while: isPart)
    rest = rest[part.endIndex...]
    return String(part)
  }

  private mutating func expect(_ text: String) throws {
    guard rest.hasPrefix(text) else {
      throw Fault(description: "'\(text)' is missing before '\(rest.prefix(40))'")
    }
    rest = rest.dropFirst(text.count)
  }

  private mutating func readTag(_ open: inout [Element]) throws {
    try expect("<")
    if rest.first == "/" {
      try expect("/")
      let name = take { $0 != ">" }
      try expect(">")
      guard let last = open.popLast(), last.name == name else {
        throw Fault(description: "</\(name)> ends another element")
      }
      return elements.append(last)
    }
    let name = take { $0.isLetter || $0.isNumber }
    guard !name.isEmpty else {
      throw Fault(description: "a '<' stands before '\(rest.prefix(40))'")
    }
    var element = Element(name: name, attributes: [:])
    while rest.first == " " {
      try expect(" ")
      let key = take { $0.isLetter || $0.isNumber || $0 == "-" }
      try expect("=\"")
      let value = take { $0 != "\"" }
      try expect("\"")
      guard !value.contains("<") else { throw Fault(description: "'<' in \(key)") }
      guard element.attributes.updateValue(try Self.resolved(value), forKey: key) == nil else {
        throw Fault(description: "\(key) stands twice in <\(name)>")
      }
    }
    if rest.first == "/" {
      try expect("/>")
      return elements.append(element)
    }
    try expect(">")
    open.append(element)
  }

  private static func resolved(_ text: String) throws -> String {
    let references = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "#39": "'"]
    var result = ""
    for (number, part) in text.split(separator: "&", omittingEmptySubsequences: false).enumerated()
    {
      guard number > 0 else {
        result += part
        continue
      }
      guard let end = part.firstIndex(of: ";"), let character = references[String(part[..<end])]
      else { throw Fault(description: "'&' stands before '\(part.prefix(20))'") }
      result += character + part[part.index(after: end)...]
    }
    guard result.unicodeScalars.allSatisfy({ $0.value >= 0x20 || $0 == "\n" || $0 == "\t" }) else {
      throw Fault(description: "a control character")
    }
    return result
  }

  /// The texts of all elements of a name.
  func texts(_ name: String) -> [String] {
    elements.filter { $0.name == name }.map(\.text)
  }

  /// What is wrong with the page as one that stands alone: scripts, references to elsewhere or to a
  /// place that is not there, names of places that stand twice.
  var faults: [String] {
    var faults: [String] = []
    let ids = elements.compactMap { $0.attributes["id"] }
    if Set(ids).count < ids.count { faults.append("an id stands twice") }
    for element in elements {
      if ["script", "link", "img", "iframe", "object", "embed", "use", "image"].contains(
        element.name)
      {
        faults.append("<\(element.name)>")
      }
      for (key, value) in element.attributes {
        if key.hasPrefix("on") || ["src", "srcset", "action"].contains(key) { faults.append(key) }
        if key == "href", !(value.hasPrefix("#") && ids.contains(String(value.dropFirst()))) {
          faults.append("href=\(value)")
        }
        if key == "style", value.contains("url") { faults.append("style=\(value)") }
      }
      if element.name == "style" {
        if element.text.contains("@import") { faults.append("@import") }
        for part in element.text.split(separator: "url(").dropFirst() where !part.hasPrefix("#") {
          faults.append("url(\(part.prefix(20))")
        }
      }
      if element.name == "svg", element.attributes["aria-hidden"] == nil,
        element.attributes["aria-label"]?.isEmpty != false
      {
        faults.append("an svg without a label")
      }
    }
    return faults
  }
}
