/// Curves over steps or scales. Each has its own dashes and marks and its name at its end.
struct LineChart {
  /// One curve.
  struct Series {
    var name: String
    var points: [(x: Double, y: Double)]
    /// Whether a line leads from point to point; marks alone otherwise.
    var isJoined = true
  }

  /// A place on the horizontal axis where something begins.
  struct Border {
    var x: Double
    var name: String
  }

  var title: String
  var xTitle: String
  var yTitle: String
  var series: [Series]
  var borders: [Border] = []
  var xSpread = Axis.Spread.linear
  var ySpread = Axis.Spread.linear
  /// Numbers that both axes show at least.
  var xNumbers: ClosedRange<Double>?
  var yNumbers: ClosedRange<Double>?
  /// A point of special interest, drawn as a diamond, and its name.
  var chosen: (x: Double, y: Double, name: String)?
  var size = (width: 420.0, height: 230.0)

  /// Curves of more points than this are drawn without a mark at each.
  private static let mostMarks = 40

  /// The chart; `nil` without a point to draw.
  var drawing: Markup? {
    let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    guard let xs = Self.range(points.map(\.x), including: xNumbers, isPadded: false),
      let ys = Self.range(
        points.map(\.y), including: yNumbers, isPadded: ySpread == .linear)
    else { return nil }
    let longest = series.count > 1 ? series.map(\.name.count).max() ?? 0 : 0
    let frame = Frame(
      width: size.width, height: size.height,
      margins: (46, borders.isEmpty ? 22 : 36, Double(min(longest, 14)) * 6 + 14, 36))
    let x = Axis(xs, at: (frame.left, frame.right), xSpread)
    let y = Axis(ys, at: (frame.bottom, frame.top), ySpread)
    return frame.drawing(
      title: title, description: description,
      frame.leftAxis(y, ticks: 4, title: yTitle)
        + frame.bottomAxis(x, ticks: 6, title: xTitle) + marks(of: borders, x, frame)
        + series.indices.flatMap { curve($0, x, y, frame) } + mark(x, y))
  }

  /// First and last points in words.
  private var description: String {
    let curves = series.compactMap { series -> String? in
      guard let first = series.points.first, let last = series.points.last else { return nil }
      return "\(series.name): \(formatted(first.y, significant: 4)) at "
        + "\(formatted(first.x, significant: 4)), \(formatted(last.y, significant: 4)) at "
        + formatted(last.x, significant: 4)
    }
    let point = chosen.map {
      ["\($0.name): \(formatted($0.y, significant: 4)) at \(formatted($0.x, significant: 4))"]
    }
    return (curves + (point ?? [])).joined(separator: "; ")
  }

  private static func range(
    _ numbers: [Double], including wanted: ClosedRange<Double>?, isPadded: Bool
  ) -> ClosedRange<Double>? {
    guard var low = numbers.min(), var high = numbers.max() else { return nil }
    if let wanted { (low, high) = (min(low, wanted.lowerBound), max(high, wanted.upperBound)) }
    guard isPadded else { return low...high }
    let space = high > low ? 0.04 * (high - low) : max(abs(high) * 0.1, 1e-6)
    let floor = wanted?.lowerBound == low ? low : low - space
    let ceiling = wanted?.upperBound == high ? high : high + space
    return floor...ceiling
  }

  private func curve(_ number: Int, _ x: Axis, _ y: Axis, _ frame: Frame) -> [Markup] {
    let places = series[number].points.filter { $0.x.isFinite && $0.y.isFinite }.map {
      (x: x.place($0.x), y: y.place($0.y))
    }
    guard let last = places.last else { return [] }
    var path = Path()
    for (index, place) in places.enumerated() {
      if index == 0 { path.move(place.x, place.y) } else { path.line(place.x, place.y) }
    }
    let isJoined = series[number].isJoined
    var marks =
      isJoined ? [Markup("path", ["class": "curve style-\(number % 3)", "d": path.text])] : []
    if !isJoined || places.count <= Self.mostMarks && chosen == nil {
      marks += places.map { Frame.mark(number, $0.x, $0.y) }
    }
    if series.count > 1 {
      marks.append(
        Frame.text(
          series[number].name, last.x + 8, labelPlace(number, y) + 3.5, anchor: "start",
          style: "strong"))
    }
    return marks
  }

  /// Where the name of a curve stands: at its end, but no nearer than a line to the names before.
  private func labelPlace(_ number: Int, _ y: Axis) -> Double {
    let ends = series.map { curve in
      curve.points.last { $0.x.isFinite && $0.y.isFinite }.map { y.place($0.y) } ?? 0
    }
    var taken: [Double] = []
    for index in ends.indices.prefix(number + 1) {
      var place = ends[index]
      for other in taken where abs(other - place) < 12 {
        place = place < other ? other - 12 : other + 12
      }
      taken.append(place)
    }
    return taken[number]
  }

  private func marks(of borders: [Border], _ x: Axis, _ frame: Frame) -> [Markup] {
    var free = -Double.infinity
    return borders.flatMap { border -> [Markup] in
      let place = x.place(border.x)
      var marks = [Frame.line("stage", place, frame.top - 4, place, frame.bottom)]
      // Names that would run into each other are left out; a table beside has them all.
      if place >= free {
        marks.append(Frame.text(border.name, place, frame.top - 8, anchor: "start"))
        free = place + Double(border.name.count) * 6 + 8
      }
      return marks
    }
  }

  private func mark(_ x: Axis, _ y: Axis) -> [Markup] {
    guard let chosen, chosen.x.isFinite, chosen.y.isFinite else { return [] }
    let (px, py) = (x.place(chosen.x), y.place(chosen.y))
    var path = Path()
    path.move(px, py - 6)
    path.line(px + 5, py)
    path.line(px, py + 6)
    path.line(px - 5, py)
    path.close()
    // Above it the curve leaves space: it rises on both sides of a choice that is any good.
    return [
      Markup("path", ["class": "chosen", "d": path.text]),
      Frame.text(chosen.name, px, py < 40 ? py + 18 : py - 11, anchor: "middle", style: "strong"),
    ]
  }
}
