/// The search for the best scale and zero point of a row of few values, value by value.
///
/// Between two scales at which some value changes its code, the squared error is a parabola in the
/// scale,
///
///     (1)  E = sum of x^2  -  2 s A  +  s^2 Q,   A = sum of |k x|,   Q = sum of k^2,
///
/// with its vertex at `s = A / Q`. Every candidate therefore stands for the vertex of its parabola;
/// where the changes are few, all of them are candidates and the optimum is exact.
///
/// Units: magnitudes are in half steps of the ``ScaleGrid``, so that `s = 2 * multiple`.
package struct ShortRowSearch {
  let grid: ScaleGrid
  let magnitudes: [Int]
  let isNegative: [Bool]
  /// Values above zero, then those below.
  private let sides: [Side]

  /// The magnitudes of one side of zero in order, and the sums of those from a position on.
  private struct Side {
    let magnitudes: [Int]
    let tails: [Int]

    init(_ unsorted: [Int]) {
      magnitudes = unsorted.sorted()
      var tails = [Int](repeating: 0, count: magnitudes.count + 1)
      for index in magnitudes.indices.reversed() {
        tails[index] = tails[index + 1] + magnitudes[index]
      }
      self.tails = tails
    }

    /// The sum of what the magnitudes have beyond `threshold`.
    func excess(_ threshold: Int) -> Int {
      var (first, end) = (0, magnitudes.count)
      while first < end {
        let middle = (first + end) / 2
        if magnitudes[middle] < threshold { first = middle + 1 } else { end = middle }
      }
      return tails[first] - threshold * (magnitudes.count - first)
    }
  }

  /// A search over the finite values of a row.
  package init(grid: ScaleGrid, values: UnsafeBufferPointer<Float>) {
    self.grid = grid
    let perUnit = Float(sign: .plus, exponent: 1 - grid.exponent, significand: 1)
    magnitudes = values.map { $0.isFinite ? Int($0.magnitude * perUnit) : 0 }
    isNegative = values.map { $0 < 0 }
    var (above, below): ([Int], [Int]) = ([], [])
    for (magnitude, isNegative) in zip(magnitudes, isNegative) {
      if isNegative { below.append(magnitude) } else { above.append(magnitude) }
    }
    sides = [Side(above), Side(below)]
  }

  /// The sum of the squared values.
  package var squares: UInt128 {
    magnitudes.reduce(0) { $0 + UInt128($1) * UInt128($1) }
  }

  /// The best zero point for a multiple and the sums of equation (1).
  private func sums(_ multiple: Int) -> (zeroPoint: Int, products: Int, squares: Int) {
    let zeroPoint = bestZeroPoint(multiple)
    var (products, squares) = (0, 0)
    for index in magnitudes.indices {
      let magnitude = magnitudes[index]
      let steps = (magnitude + multiple) / (2 * multiple)
      let code = min(steps, isNegative[index] ? zeroPoint : grid.levels - 1 - zeroPoint)
      products += code * magnitude
      squares += code * code
    }
    return (zeroPoint, products, squares)
  }

  /// As for a table: where the excess beyond the last border below zero no longer exceeds that above.
  private func bestZeroPoint(_ multiple: Int) -> Int {
    func excess(_ side: Int, _ border: Int) -> Int {
      sides[side].excess((2 * border + 1) * multiple)
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
    return zeroPoint
  }

  /// The candidate at a multiple, exact.
  package func candidate(_ multiple: Int) -> SearchCandidate {
    let (zeroPoint, products, squares) = sums(multiple)
    // The same as the sum of excesses beyond the borders: not negative.
    return SearchCandidate(
      multiple: multiple, zeroPoint: zeroPoint,
      excessSum: UInt64(products - multiple * squares))
  }

  /// The vertex of the parabola at a multiple.
  ///
  /// Without a choice of zero points, the gain is that of the parabola: a lower bound, and exact where
  /// the vertex is on its own parabola, as the best one is.
  private func vertex(_ multiple: Int) -> SearchCandidate {
    let (zeroPoint, products, squares) = sums(multiple)
    guard squares > 0 else {
      return SearchCandidate(multiple: multiple, zeroPoint: zeroPoint, excessSum: 0)
    }
    let vertex = grid.allowed((products + squares) / (2 * squares))
    if grid.scheme == .affine { return candidate(vertex) }
    return SearchCandidate(
      multiple: vertex, zeroPoint: zeroPoint,
      excessSum: UInt64(max(products - vertex * squares, 0)))
  }

  /// Codes that a value may have on its side of zero, at most.
  private var codes: Int { grid.scheme == .affine ? grid.levels - 1 : grid.levels / 2 }

  /// The multiple of a candidate: just below the scale at which a value changes to code `index % codes
  /// + 1`, or one of evenly spaced ones.
  private func multiple(at index: Int, isEvent: Bool) -> Int {
    guard isEvent else { return grid.start * (index + 1) / (ProbePlan.densePoints / 2) }
    return max(magnitudes[index / codes] - 1, 0) / (2 * (index % codes) + 1)
  }

  /// The best candidate found; the min-max scale is the first candidate and wins where nothing is
  /// better.
  package func best() -> SearchCandidate {
    let events = magnitudes.count * codes
    let isEvent = events <= ProbePlan.mostEvents
    var best = candidate(grid.allowed(grid.start))
    var found = vertex(best.multiple)
    for index in 0..<(isEvent ? events : ProbePlan.densePoints) {
      let candidate = vertex(grid.allowed(multiple(at: index, isEvent: isEvent)))
      if candidate.isBetter(than: found) { found = candidate }
    }
    for _ in 0..<ProbePlan.descents {
      let exact = candidate(found.multiple)
      if exact.isBetter(than: best) { best = exact }
      let next = vertex(found.multiple)
      guard next.multiple != found.multiple else { break }
      found = next
    }
    return best
  }
}
