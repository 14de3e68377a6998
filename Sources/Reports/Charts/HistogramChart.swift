import Glibc
import Quantization

/// How often values occur, on a logarithmic axis, with what the quantizer's codes span: within the
/// range bars are plain, outside they are hatched.
struct HistogramChart {
  var title: String
  var histogram: Histogram
  /// What was chosen; `nil` draws the values alone.
  var quantizer: Quantizer?
  var size = (width: 360.0, height: 170.0)

  private static let columns = 96
  /// Up to so many levels each gets its mark below the axis.
  private static let mostLevelMarks = 64

  /// The values that the codes stand for.
  private var chosen: ClosedRange<Double>? {
    quantizer.map { Double($0.value(of: 0))...Double($0.value(of: $0.levels - 1)) }
  }

  /// The chart; `nil` for a histogram without finite values.
  var drawing: Markup? {
    guard let minimum = histogram.minimum, let maximum = histogram.maximum else { return nil }
    var low = min(Double(minimum), chosen?.lowerBound ?? 0)
    var high = max(Double(maximum), chosen?.upperBound ?? 0)
    if low == high { (low, high) = (low - 1, high + 1) }
    let frame = Frame(width: size.width, height: size.height, margins: (40, 20, 10, 38))
    let x = Axis(low...high, at: (frame.left, frame.right))
    let counts = columnCounts(low, high)
    let most = max(counts.max() ?? 0, Double(histogram.zeros), 10)
    let y = Axis(0.5...most, at: (frame.bottom, frame.top), .logarithmic)
    return frame.drawing(
      title: title, description: description,
      band(x, frame) + frame.leftAxis(y, ticks: 3, title: "elements (logarithmic)")
        + bars(counts, low, high, x, y, frame) + zeroMark(x, y, frame)
        + frame.bottomAxis(x, ticks: 5, title: "value") + edges(x, frame))
  }

  private var description: String {
    let seen = "values from \(histogram.minimum ?? 0) to \(histogram.maximum ?? 0)"
    guard let chosen else { return seen }
    return seen + "; codes span \(formatted(chosen.lowerBound, significant: 4)) to "
      + formatted(chosen.upperBound, significant: 4)
  }

  /// The counts of equal parts of `low...high`, each bin's values spread evenly over the bin.
  private func columnCounts(_ low: Double, _ high: Double) -> [Double] {
    var counts = [Double](repeating: 0, count: Self.columns)
    let width = (high - low) / Double(Self.columns)
    for (position, count) in histogram.counts.enumerated() where count != 0 {
      let bounds = histogram.bounds(ofBin: position)
      // Nothing lies beyond the extrema, though a bin may reach there.
      let from = min(max(bounds.lower, low), high)
      let to = min(max(bounds.upper, low), high)
      let first = min(max(Int((from - low) / width), 0), Self.columns - 1)
      let last = min(max(Int((to - low) / width), first), Self.columns - 1)
      guard to > from, last > first else {
        counts[first] += Double(count)
        continue
      }
      for column in first...last {
        let start = max(from, low + Double(column) * width)
        let end = min(to, low + Double(column + 1) * width)
        counts[column] += Double(count) * max(end - start, 0) / (to - from)
      }
    }
    return counts
  }

  /// Bars as two outlines: what the range holds, and what it cuts off.
  private func bars(
    _ counts: [Double], _ low: Double, _ high: Double, _ x: Axis, _ y: Axis, _ frame: Frame
  ) -> [Markup] {
    let width = (high - low) / Double(counts.count)
    let range = chosen ?? low...high
    var (inside, outside) = (Path(), Path())
    for (column, count) in counts.enumerated() where count > 0 {
      let from = low + Double(column) * width
      let to = from + width
      let height = y.place(max(count, 0.5))
      func bar(_ path: inout Path, _ from: Double, _ to: Double) {
        guard to > from else { return }
        path.move(x.place(from), frame.bottom)
        path.vertical(height)
        path.horizontal(x.place(to))
        path.vertical(frame.bottom)
        path.close()
      }
      // Half a step beyond the outermost levels still rounds to them.
      let slack = Double(quantizer?.scale ?? 0) / 2
      let (lower, upper) = (range.lowerBound - slack, range.upperBound + slack)
      bar(&inside, max(from, lower), min(to, upper))
      bar(&outside, from, min(to, lower))
      bar(&outside, max(from, upper), to)
    }
    return [("inside", inside), ("outside", outside)].compactMap { style, path in
      path.text.isEmpty ? nil : Markup("path", ["class": style, "d": path.text])
    }
  }

  /// Exact zeros, which are in no bin: a pin.
  private func zeroMark(_ x: Axis, _ y: Axis, _ frame: Frame) -> [Markup] {
    guard histogram.zeros > 0 else { return [] }
    let (place, height) = (x.place(0), y.place(Double(histogram.zeros)))
    return [
      Frame.line("zero", place, frame.bottom, place, height),
      Markup(
        "circle", ["class": "zero-head", "cx": pixels(place), "cy": pixels(height), "r": "3"]),
    ]
  }

  private func band(_ x: Axis, _ frame: Frame) -> [Markup] {
    guard let chosen else { return [] }
    let (from, to) = (x.place(chosen.lowerBound), x.place(chosen.upperBound))
    return [
      Markup(
        "rect",
        [
          "class": "band", "x": pixels(from), "y": pixels(frame.top),
          "width": pixels(to - from), "height": pixels(frame.bottom - frame.top),
        ])
    ]
  }

  /// The ends of the range as brackets, and the levels below the axis where they are few.
  private func edges(_ x: Axis, _ frame: Frame) -> [Markup] {
    guard let chosen, let quantizer else { return [] }
    var path = Path()
    for (end, inwards) in [(chosen.lowerBound, 5.0), (chosen.upperBound, -5.0)] {
      let place = x.place(end)
      path.move(place + inwards, frame.top)
      path.line(place, frame.top)
      path.vertical(frame.bottom)
      path.horizontal(place + inwards)
    }
    if quantizer.levels <= Self.mostLevelMarks {
      for code in 0..<quantizer.levels {
        path.move(x.place(Double(quantizer.value(of: code))), frame.bottom - 4)
        path.vertical(frame.bottom)
      }
    }
    return [Markup("path", ["class": "edge", "d": path.text])]
  }
}

/// How many weights have each code.
struct CodeChart {
  var title: String
  /// The lowest code; the zero point is code 0.
  var lowest: Int
  /// The number of weights of each code from the lowest on.
  var counts: [Int]
  var size = (width: 360.0, height: 130.0)

  var drawing: Markup? {
    guard let most = counts.max(), most > 0 else { return nil }
    let frame = Frame(width: size.width, height: size.height, margins: (40, 20, 10, 34))
    let highest = lowest + counts.count - 1
    let x = Axis(
      Double(lowest) - 0.5...Double(highest) + 0.5, at: (frame.left, frame.right))
    let y = Axis(0.5...Double(max(most, 2)), at: (frame.bottom, frame.top), .logarithmic)
    var path = Path()
    let gap = counts.count <= 32 ? 0.12 : 0
    for (place, count) in counts.enumerated() where count > 0 {
      let code = Double(lowest + place)
      path.move(x.place(code - 0.5 + gap), frame.bottom)
      path.vertical(y.place(Double(count)))
      path.horizontal(x.place(code + 0.5 - gap))
      path.vertical(frame.bottom)
      path.close()
    }
    let used = counts.count { $0 > 0 }
    return frame.drawing(
      title: title,
      description: "\(used) of \(counts.count) codes from \(lowest) to \(highest) occur",
      frame.leftAxis(y, ticks: 3, title: "weights (logarithmic)")
        + [Markup("path", ["class": "inside", "d": path.text])]
        + frame.bottomAxis(x, ticks: min(counts.count, 8), title: "code"))
  }
}
