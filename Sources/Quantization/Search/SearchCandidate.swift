/// A scale, the best zero point for it, and how much squared error the pair removes.
package struct SearchCandidate: Sendable, Equatable {
  /// The scale in steps of its ``ScaleGrid``.
  package var multiple: Int
  /// The zero point.
  package var zeroPoint: Int
  /// The sum over all decision borders of the excess beyond them; in units of the search.
  package var excessSum: UInt64

  package init(multiple: Int, zeroPoint: Int, excessSum: UInt64) {
    self.multiple = multiple
    self.zeroPoint = zeroPoint
    self.excessSum = excessSum
  }

  /// The squared error that quantization removes, compared with all values becoming zero, up to a
  /// factor that all candidates share: `multiple * excessSum`, exact.
  package var gain: (high: UInt64, low: UInt64) {
    UInt64(multiple).multipliedFullWidth(by: excessSum)
  }

  /// Whether this candidate removes more error than `other`.
  package func isBetter(than other: SearchCandidate) -> Bool {
    gain > other.gain
  }

  /// The positions of the best `count` of `candidates`, best first; of equal ones the earlier.
  package static func best(_ count: Int, of candidates: [SearchCandidate]) -> [Int] {
    var best: [Int] = []
    for (position, candidate) in candidates.enumerated() {
      let rank =
        best.firstIndex { candidate.isBetter(than: candidates[$0]) } ?? best.endIndex
      guard rank < count else { continue }
      best.insert(position, at: rank)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}
