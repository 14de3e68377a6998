/// A table with a caption, heads of columns and heads of rows.
struct Table {
  /// What stands in a place.
  enum Cell {
    /// A name or words.
    case text(String)
    /// Pieces of markup.
    case markup([Markup])
    /// A figure, aligned to the right.
    case number(String)
    /// A figure with a bar below it, as long as a share of the column from 0 to 1.
    case bar(String, share: Double)
    /// Nothing is known.
    case none
  }

  private let caption: String
  private let columns: [String]
  private var rows: [[Cell]] = []

  init(_ caption: String, columns: [String]) {
    self.caption = caption
    self.columns = columns
  }

  /// - Parameter row: One cell a column; the first is the head of the row.
  mutating func add(_ row: [Cell]) {
    precondition(row.count == columns.count, "a row has a cell for each column")
    rows.append(row)
  }

  var isEmpty: Bool { rows.isEmpty }

  /// The table in a frame that scrolls where the page is narrower.
  var markup: Markup {
    let head = columns.enumerated().map { place, title in
      Markup("th", ["scope": "col", "class": holdsFigures(place) ? "number" : ""], title)
    }
    let body = rows.map { row in
      Markup("tr", [:], row.enumerated().map { Self.markup($1, isHead: $0 == 0) })
    }
    // A caption within the table would be as wide as the table, and scroll away with it.
    let frame = Markup(
      "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption],
      [
        Markup(
          "table", ["aria-label": caption],
          [Markup("thead", [:], [Markup("tr", [:], head)]), Markup("tbody", [:], body)])
      ])
    return Markup([Markup("p", ["class": "caption", "aria-hidden": "true"], caption), frame])
  }

  /// Whether the first thing known in a column is a figure.
  private func holdsFigures(_ column: Int) -> Bool {
    for row in rows {
      switch row[column] {
      case .none: continue
      case .number, .bar: return true
      case .text, .markup: return false
      }
    }
    return true
  }

  private static func markup(_ cell: Cell, isHead: Bool) -> Markup {
    switch cell {
    case .text(let text):
      isHead ? Markup("th", ["scope": "row"], text) : Markup("td", [:], text)
    case .markup(let pieces):
      isHead ? Markup("th", ["scope": "row"], pieces) : Markup("td", [:], pieces)
    case .number(let text): Markup("td", ["class": "number"], text)
    case .bar(let text, let share):
      Markup(
        "td", ["class": "number"],
        [
          Markup(text),
          Markup(
            "span", ["class": "bar", "aria-hidden": "true"],
            [
              Markup(
                "span", ["style": "width:\(Int((100 * min(max(share, 0), 1)).rounded()))%"], [])
            ]),
        ])
    case .none: Markup("td", ["class": "none"], "\u{2013}")
    }
  }
}
