import Files

/// A page for a browser that stands alone: no scripts, nothing from a network.
struct HTMLPage {
  /// What stands in a table.
  enum Cell {
    case text(String)
    /// Aligned to the right.
    case number(String)
    /// A number with a bar behind it, as long as a share of the column from 0 to 1.
    case bar(String, share: Double)
  }

  private let title: String
  private var body = ""

  init(title: String) { self.title = title }

  mutating func heading(_ text: String) { body += "<h2>\(Self.escaped(text))</h2>\n" }

  mutating func paragraph(_ text: String) { body += "<p>\(Self.escaped(text))</p>\n" }

  mutating func list(_ items: [String]) {
    guard !items.isEmpty else { return }
    body += "<ul>\n" + items.map { "<li>\(Self.escaped($0))</li>\n" }.joined() + "</ul>\n"
  }

  mutating func table(_ columns: [String], _ rows: [[Cell]]) {
    let head = columns.map { "<th>\(Self.escaped($0))</th>" }.joined()
    let lines = rows.map { "<tr>\($0.map(Self.html).joined())</tr>\n" }.joined()
    body += "<table>\n<thead><tr>\(head)</tr></thead>\n<tbody>\n\(lines)</tbody>\n</table>\n"
  }

  /// The page.
  var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <title>\(Self.escaped(title))</title>
    <style>
    body { font: 14px/1.4 sans-serif; margin: 2em; color: #222; background: #fff; }
    table { border-collapse: collapse; margin: 1em 0; }
    th, td { padding: 2px 10px; text-align: left; border-bottom: 1px solid #ddd; }
    td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
    td.bar { background: linear-gradient(#bcd, #bcd) no-repeat left / var(--share) 100%; }
    </style>
    </head>
    <body>
    <h1>\(Self.escaped(title))</h1>
    \(body)</body>
    </html>

    """
  }

  /// Writes the page whole or not at all.
  func write(to path: String, overwrite: Bool) throws(FileError) {
    try AtomicFile.write(text.utf8, to: path, overwrite: overwrite)
  }

  private static func html(_ cell: Cell) -> String {
    switch cell {
    case .text(let text): return "<td>\(escaped(text))</td>"
    case .number(let text): return "<td class=\"number\">\(escaped(text))</td>"
    case .bar(let text, let share):
      let percent = Int((100 * min(max(share, 0), 1)).rounded())
      return "<td class=\"number bar\" style=\"--share:\(percent)%\">\(escaped(text))</td>"
    }
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}
