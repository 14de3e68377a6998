/// Which scales a search looks at; the kernels are built with these numbers.
///
/// The squared error as a function of the scale has several minima for short rows, for rare outliers
/// at few levels and wherever values are few per level. Sixty-four evenly spaced probes, a few
/// logarithmic ones below them for heavy tails and a few above the min-max scale find the brackets;
/// the best of them are searched finely, then the best of that narrowed down.
package enum ProbePlan {
  /// Probes at `1/64 * 2^(-i/2)` of the min-max scale, for long tails.
  package static let logarithmic = 12
  /// Probes at `5 i / 256` of the min-max scale.
  package static let linear = 64
  /// Probes at `5/4 + i/16` of the min-max scale.
  package static let above = 12
  /// All probes.
  package static let count = logarithmic + linear + above

  /// How many of the best probes are searched finely, and with how many points each.
  package static let brackets = 3, finePoints = 16
  /// How many of the best fine points are narrowed down, then only the best; the points a round.
  package static let narrowBrackets = 2, narrowPoints = 4
  /// Most rounds of narrowing.
  package static let narrowRounds = 11

  /// Rows of at most so many values and levels are searched value by value, without a table.
  package static let shortRow = 256, shortRowLevels = 1024
  /// A short row's candidates are all points where a value changes its code if there are at most so
  /// many ...
  package static let mostEvents = 8192
  /// ... and otherwise so many evenly spaced scales up to twice the min-max scale.
  package static let densePoints = 2048
  /// Steps to the vertex of the current parabola after a short row's search.
  package static let descents = 8

  /// The multiple of probe `index`; they grow with the index.
  package static func multiple(ofProbe index: Int, start: Int) -> Int {
    if index < logarithmic {
      let halfOctaves = logarithmic - index
      return (halfOctaves % 2 == 1 ? (start * 181) >> 8 : start) >> (6 + halfOctaves / 2)
    }
    if index < logarithmic + linear { return (start * 5 * (index - logarithmic + 1)) >> 8 }
    return (start * (20 + index - logarithmic - linear + 1)) >> 4
  }
}
