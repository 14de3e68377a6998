/// A page for a browser that stands alone: one file, without scripts and without anything from a
/// network. It follows the reader's choice of light or dark, prints, and says nothing by colour alone.
///
/// The same report has the same bytes: there are no dates and nothing of the machine in it.
public struct ReportPage: Sendable {
  /// The page as HTML that is well-formed XML too.
  public let text: String

  /// - Parameters:
  ///   - kind: What the page is, above the title.
  ///   - title: What it is about.
  ///   - lead: One sentence below the title.
  ///   - sections: The parts, each with a place in the list of contents.
  ///   - footer: Who wrote it.
  init(kind: String, title: String, lead: Markup, sections: [Section], footer: String) {
    let contents = Markup(
      "nav", ["aria-label": "Contents"],
      sections.map { Markup("a", ["href": "#\($0.anchor)"], $0.title) })
    let header = Markup(
      "header",
      [:],
      [
        Markup("p", ["class": "kind"], kind), Markup("h1", [:], title),
        Markup("p", ["class": "lead"], [lead]), contents,
      ])
    let parts = sections.map { section in
      Markup(
        "section", ["id": section.anchor, "aria-labelledby": "\(section.anchor)-title"],
        [Markup("h2", ["id": "\(section.anchor)-title"], section.title)] + section.content)
    }
    let head = Markup(
      "head",
      [:],
      [
        Markup("meta", ["charset": "utf-8"]),
        Markup(
          "meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        Markup("meta", ["name": "color-scheme", "content": "light dark"]),
        Markup("title", [:], "\(title) - \(kind)"), .style(pageStyle),
      ])
    let body = Markup(
      "body", [:],
      [HatchPattern.definition, header, Markup("main", [:], parts), Markup("footer", [:], footer)])
    text = "<!DOCTYPE html>\n" + Markup("html", ["lang": "en"], [head, "\n", body]).source + "\n"
  }
}

/// A part of a page.
struct Section {
  let title: String
  /// The name by which links reach the part.
  let anchor: String
  var content: [Markup]

  init(_ title: String, anchor: String, _ content: [Markup]) {
    self.title = title
    self.anchor = anchor
    self.content = content
  }
}

extension Markup {
  /// A name from a model, set apart from the words around it.
  static func name(_ text: String) -> Markup { Markup("code", [:], text) }

  static func paragraph(_ text: String) -> Markup { Markup("p", [:], text) }

  /// Short facts: what, the figure, and a remark to it.
  static func facts(_ facts: [(title: String, value: String, remark: String)]) -> Markup {
    Markup(
      "dl", ["class": "facts"],
      facts.map { fact in
        Markup(
          "div", [:],
          [
            Markup("dt", [:], fact.title), Markup("dd", ["class": "value"], fact.value),
            Markup("dd", ["class": "remark"], fact.remark),
          ])
      })
  }

  /// Messages, each with a word that says how much it matters; nothing where there are none.
  static func messages(warnings: [String], notes: [String]) -> [Markup] {
    let items =
      warnings.map {
        Markup("li", ["class": "warning"], [Markup("strong", [:], "Warning"), " \($0)"])
      }
      + notes.map { Markup("li", [:], [Markup("strong", [:], "Note"), " \($0)"]) }
    return items.isEmpty ? [] : [Markup("ul", ["class": "messages"], items)]
  }

  /// A drawing with its words above.
  static func figure(_ drawing: Markup, _ caption: [Markup]) -> Markup {
    Markup("figure", [:], [Markup("figcaption", [:], caption), drawing])
  }

  /// Drawings side by side as far as the width allows.
  static func gallery(_ figures: [Markup], isWide: Bool = false) -> Markup {
    Markup("div", ["class": isWide ? "gallery wide" : "gallery"], figures)
  }
}
