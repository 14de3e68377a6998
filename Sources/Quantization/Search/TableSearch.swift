/// The search for the best scale and zero point on an ``ExcessTable``.
package struct TableSearch {
  let grid: ScaleGrid
  let table: ExcessTable

  package init(grid: ScaleGrid, table: ExcessTable) {
    self.grid = grid
    self.table = table
  }

  /// The best zero point for a multiple, and the gain of the two.
  ///
  /// The gain of one more code on a side is twice the excess beyond its border, which only falls from
  /// code to code. So the best split of the codes between the sides is where the excess beyond the
  /// last border below zero no longer exceeds that beyond the last above, found by bisection.
  package func candidate(_ multiple: Int) -> SearchCandidate {
    func excess(_ side: Int, _ border: Int) -> Int64 {
      table.excess(side: side, threshold: (2 * border + 1) * multiple)
    }
    let allowed = grid.scheme.zeroPoints(levels: grid.levels)
    var (zeroPoint, last) = (allowed.lowerBound, allowed.upperBound)
    while zeroPoint < last {
      let middle = (zeroPoint + last) / 2
      if excess(1, middle) > excess(0, grid.levels - 2 - middle) {
        zeroPoint = middle + 1
      } else {
        last = middle
      }
    }
    var sum: Int64 = 0
    for (side, borders) in [grid.levels - 1 - zeroPoint, zeroPoint].enumerated() {
      for border in 0..<borders {
        let excess = excess(side, border)
        // Borders beyond the last bin have no excess.
        if (2 * border + 1) * multiple >> table.thresholdBits >= table.bins { break }
        sum += excess
      }
    }
    return SearchCandidate(multiple: multiple, zeroPoint: zeroPoint, excessSum: UInt64(sum))
  }

  /// A candidate and the multiples between which it was the best.
  private struct Bracket {
    var lower: Int
    var upper: Int
  }

  /// The best candidate found; the min-max scale is the first candidate and wins where nothing is
  /// better.
  package func best() -> SearchCandidate {
    var best = candidate(grid.allowed(grid.start))
    let probes = (0..<ProbePlan.count).map {
      grid.allowed(ProbePlan.multiple(ofProbe: $0, start: grid.start))
    }
    let candidates = probes.map(candidate)
    var brackets = SearchCandidate.best(ProbePlan.brackets, of: candidates).map { index in
      if candidates[index].isBetter(than: best) { best = candidates[index] }
      return Bracket(
        lower: index > 0 ? probes[index - 1] : probes[0] / 2,
        upper: index + 1 < probes.count ? probes[index + 1] : probes[index])
    }
    brackets = narrowed(
      brackets, points: ProbePlan.finePoints, keeping: ProbePlan.narrowBrackets, &best)
    for _ in 0..<ProbePlan.narrowRounds
    where brackets.contains(where: { $0.upper - $0.lower > 2 }) {
      brackets = narrowed(brackets, points: ProbePlan.narrowPoints, keeping: 1, &best)
    }
    return best
  }

  /// Evaluates evenly spaced points in every bracket; the brackets around the best of them.
  private func narrowed(
    _ brackets: [Bracket], points: Int, keeping count: Int, _ best: inout SearchCandidate
  ) -> [Bracket] {
    let finer = brackets.flatMap { bracket in
      (1...points).map { point in
        func position(_ point: Int) -> Int {
          bracket.lower + (bracket.upper - bracket.lower) * point / (points + 1)
        }
        return (
          multiple: position(point),
          bracket: Bracket(lower: position(point - 1), upper: position(point + 1) + 1)
        )
      }
    }
    let candidates = finer.map { candidate(grid.allowed($0.multiple)) }
    return SearchCandidate.best(count, of: candidates).map { index in
      if candidates[index].isBetter(than: best) { best = candidates[index] }
      return finer[index].bracket
    }
  }
}
