/// Which scales a search looks at; the kernels are built with these numbers.
///
/// The squared error as a function of the scale has several minima for short rows, for rare outliers
/// at few levels and wherever values are few per level. Evenly spaced probes, logarithmic ones below
/// them for heavy tails, whose optimum may be a thirtieth of the min-max scale with a worse minimum
/// next to it, and a few above the min-max scale find the brackets; the best of them are searched
/// finely, then the best of that narrowed down.
package enum ProbePlan {
  /// Probes at `2^-12` to `2^-7.5` of the min-max scale, half an octave apart, and on to `2^-3.25`, a
  /// quarter apart.
  package static let coarse = 10, logarithmic = coarse + 16
  /// Probes at `5 i / 256` of the min-max scale, i from ``firstLinear`` to 64.
  package static let firstLinear = 7, linear = 64 - firstLinear + 1
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

  /// Rows of at most so many values are searched value by value, without a table, where there are at
  /// most ``shortRowLevels``.
  ///
  /// Its time grows with the square of the values. With up to 16 levels the probes find the optimum of
  /// a longer row just as well; with more the curve is ragged, and they ended up to 31 % above it.
  package static func shortRow(levels: Int) -> Int { levels <= 16 ? 64 : 256 }
  /// Most levels of a search value by value.
  package static let shortRowLevels = 1024
  /// A short row's candidates are all points where a value changes its code if there are at most so
  /// many ...
  package static let mostEvents = 8192
  /// ... and otherwise so many evenly spaced scales up to twice the min-max scale.
  package static let densePoints = 2048
  /// Steps to the vertex of the current parabola after a short row's search.
  package static let descents = 8

  /// `2^(-i/4)` in units of 1/256.
  private static let quarterOctaves = [256, 215, 181, 152]

  /// The multiple of probe `index`; they grow with the index.
  package static func multiple(ofProbe index: Int, start: Int) -> Int {
    if index < logarithmic {
      // Quarters of an octave below 1/8.
      let quarters = max(logarithmic + coarse - 2 * index, logarithmic - index)
      return (start * quarterOctaves[quarters % 4]) >> (11 + quarters / 4)
    }
    let place = index - logarithmic
    if place < linear { return (start * 5 * (place + firstLinear)) >> 8 }
    return (start * (20 + index - logarithmic - linear + 1)) >> 4
  }
}
