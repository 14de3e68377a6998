/// The text of an SVG path, with a decimal of a pixel.
struct Path {
  private(set) var text = ""

  mutating func move(_ x: Double, _ y: Double) { append("M", [x, y]) }

  mutating func line(_ x: Double, _ y: Double) { append("L", [x, y]) }

  mutating func horizontal(_ x: Double) { append("H", [x]) }

  mutating func vertical(_ y: Double) { append("V", [y]) }

  mutating func close() { text += "Z" }

  private mutating func append(_ command: String, _ numbers: [Double]) {
    text += command + numbers.map(pixels).joined(separator: " ")
  }
}

/// A length in a drawing.
func pixels(_ value: Double) -> String {
  let tenths = Int((min(max(value, -1e6), 1e6) * 10).rounded())
  let (whole, rest) = (abs(tenths) / 10, abs(tenths) % 10)
  return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
}

/// The hatching of what lies outside a range, which all drawings of a page share.
enum HatchPattern {
  static var definition: Markup {
    Markup(
      "svg", ["class": "defs", "aria-hidden": "true", "focusable": "false"],
      [
        Markup(
          "defs", [:],
          [
            Markup(
              "pattern",
              [
                "id": "hatch", "width": "4", "height": "4", "patternUnits": "userSpaceOnUse",
                "patternTransform": "rotate(45)",
              ], [Markup("line", ["class": "hatch", "x1": "0", "y1": "0", "x2": "0", "y2": "4"])])
          ])
      ])
  }
}

/// The frame of a chart: where its drawing lies, and what stands around it.
struct Frame {
  let width: Double
  let height: Double
  /// Space on the left, at the top, on the right and at the bottom.
  let margins: (left: Double, top: Double, right: Double, bottom: Double)

  var left: Double { margins.left }
  var right: Double { width - margins.right }
  var top: Double { margins.top }
  var bottom: Double { height - margins.bottom }

  /// A drawing with a title and a description for those who do not see it.
  func drawing(title: String, description: String, _ content: [Markup]) -> Markup {
    Markup(
      "svg",
      [
        "class": "chart", "viewBox": "0 0 \(pixels(width)) \(pixels(height))", "role": "img",
        "aria-label": "\(title). \(description)",
      ], [Markup("title", [:], title), Markup("desc", [:], description)] + content)
  }

  /// Lines and figures of an axis on the left.
  func leftAxis(_ axis: Axis, ticks: Int, title: String) -> [Markup] {
    var marks = axis.ticks(ticks).flatMap { tick -> [Markup] in
      let y = axis.place(tick.number)
      return [
        Self.line("grid", left, y, right, y),
        Self.text(tick.label, left - 6, y + 3.5, anchor: "end"),
      ]
    }
    marks.append(Self.text(title, 0, 10, anchor: "start"))
    return marks
  }

  /// The line and figures of an axis at the bottom.
  func bottomAxis(_ axis: Axis, ticks: Int, title: String) -> [Markup] {
    var marks = axis.ticks(ticks).flatMap { tick -> [Markup] in
      let x = axis.place(tick.number)
      return [
        Self.line("axis", x, bottom, x, bottom + 4),
        Self.text(tick.label, x, bottom + 15, anchor: "middle"),
      ]
    }
    marks.append(Self.line("axis", left, bottom, right, bottom))
    marks.append(Self.text(title, right, bottom + 28, anchor: "end"))
    return marks
  }

  static func line(
    _ style: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double
  ) -> Markup {
    var path = Path()
    path.move(x1, y1)
    path.line(x2, y2)
    return Markup("path", ["class": style, "d": path.text])
  }

  static func text(
    _ text: String, _ x: Double, _ y: Double, anchor: String, style: String = ""
  ) -> Markup {
    Markup(
      "text", ["class": style, "x": pixels(x), "y": pixels(y), "text-anchor": anchor], text)
  }

  /// The shape that tells one series from another: a disc, a square or a triangle.
  static func mark(_ number: Int, _ x: Double, _ y: Double, size: Double = 2.6) -> Markup {
    let style = "mark-\(number % 3)"
    switch number % 3 {
    case 0:
      return Markup(
        "circle", ["class": style, "cx": pixels(x), "cy": pixels(y), "r": pixels(size)])
    case 1:
      return Markup(
        "rect",
        [
          "class": style, "x": pixels(x - size), "y": pixels(y - size),
          "width": pixels(2 * size), "height": pixels(2 * size),
        ])
    default:
      var path = Path()
      path.move(x, y - 1.3 * size)
      path.line(x + 1.2 * size, y + size)
      path.line(x - 1.2 * size, y + size)
      path.close()
      return Markup("path", ["class": style, "d": path.text])
    }
  }
}
