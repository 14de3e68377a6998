import Glibc
import Operations
import Quantization
import Tensors

extension SecondOrderWeights {
  /// A filter whose weights have a quantizer a group.
  struct GroupedRow {
    /// Codes less the zero point.
    var steps: [Int]
    /// One a group.
    var quantizers: [SignedQuantizer]
  }

  /// How often scales are fitted to codes, and codes moved for these.
  private static var rounds: Int { 4 }

  /// Every filter rounded by the quantizers of its groups, whose scales are then fitted to the codes, the codes to
  /// the scales, and so on while the error of outputs falls.
  ///
  /// With the codes `u[g]` of group g, 0 elsewhere, the best scales `s` solve
  ///
  ///     sum over h of (u[g]^T H u[h]) s[h] = u[g]^T H w
  ///
  /// - Parameters:
  ///   - start: The quantizers, filter by filter and in filters group by group.
  ///   - groupSize: Weights of a group.
  ///   - fitsScales: Whether any scale is allowed.
  func grouped(
    _ start: [SignedQuantizer], groupSize: Int, fitsScales: Bool
  ) -> [GroupedRow] {
    let groups = start.count / rowCount
    var found = [GroupedRow?](repeating: nil, count: rowCount)
    found.withUnsafeMutableBufferPointer { found in
      concurrently(rowCount) { row in
        found[row] = grouped(
          row, Array(start[row * groups..<(row + 1) * groups]), groupSize, fitsScales)
      }
    }
    return found.compactMap { $0 }
  }

  private func grouped(
    _ row: Int, _ start: [SignedQuantizer], _ groupSize: Int, _ fitsScales: Bool
  ) -> GroupedRow {
    let rounding = rounding(of: row)
    let weights = weights(of: row)
    func spread(_ quantizers: [SignedQuantizer]) -> [SignedQuantizer] {
      weights.indices.map { quantizers[$0 / groupSize] }
    }
    func error(_ row: GroupedRow) -> Double {
      let errors = weights.indices.map {
        row.quantizers[$0 / groupSize].scale * Double(row.steps[$0]) - weights[$0]
      }
      return rounding.product(errors, errors)
    }
    var best = GroupedRow(steps: rounding.steps(of: weights, spread(start)), quantizers: start)
    guard fitsScales else { return best }
    var least = error(best)
    for _ in 0..<Self.rounds {
      var next = best
      next.quantizers = fitted(best, weights, rounding, groupSize)
      next.steps = rounding.improved(next.steps, of: weights, spread(next.quantizers))
      let now = error(next)
      guard now < least else { break }
      (best, least) = (next, now)
    }
    return best
  }

  /// The quantizers with the scales that suit the codes best; a scale that would leave a half to twice of what it
  /// was stays.
  private func fitted(
    _ row: GroupedRow, _ weights: [Double], _ rounding: SecondOrderRounding, _ groupSize: Int
  ) -> [SignedQuantizer] {
    let groups = row.quantizers.count
    var matrix = [Double](repeating: 0, count: groups * groups)
    var right = [Double](repeating: 0, count: groups)
    for group in 0..<groups {
      let places = group * groupSize..<min((group + 1) * groupSize, weights.count)
      var own = [Double](repeating: 0, count: weights.count)
      for place in places { own[place] = Double(row.steps[place]) }
      let moments = rounding.moments(times: own)
      for place in weights.indices {
        right[group] += moments[place] * weights[place]
        matrix[group * groups + place / groupSize] += moments[place] * Double(row.steps[place])
      }
    }
    guard let scales = Self.solution(matrix, right) else { return row.quantizers }
    return zip(row.quantizers, scales).map { old, scale in
      let factor = scale / old.scale
      guard (0.5...2).contains(factor) else { return old }
      return SignedQuantizer(
        quantizer: old.quantizer.scaled(by: factor), isMirrored: old.isMirrored)
    }
  }

  /// The solution of a positive semidefinite system by Cholesky's factors; a little is added to its diagonal,
  /// for groups whose codes are all 0.
  private static func solution(_ matrix: [Double], _ right: [Double]) -> [Double]? {
    let count = right.count
    let largest = (0..<count).map { matrix[$0 * count + $0] }.max() ?? 0
    guard largest > 0 else { return nil }
    var lower = [Double](repeating: 0, count: count * count)
    var solution = right
    for row in 0..<count {
      for column in 0...row {
        var sum = matrix[row * count + column]
        if row == column { sum += largest * 0x1p-30 }
        for inner in 0..<column {
          sum -= lower[row * count + inner] * lower[column * count + inner]
        }
        if row == column {
          guard sum > 0 else { return nil }
          lower[row * count + row] = sum.squareRoot()
        } else {
          lower[row * count + column] = sum / lower[column * count + column]
        }
      }
      for inner in 0..<row { solution[row] -= lower[row * count + inner] * solution[inner] }
      solution[row] /= lower[row * count + row]
    }
    for row in (0..<count).reversed() {
      for inner in (row + 1)..<max(count, row + 1) {
        solution[row] -= lower[inner * count + row] * solution[inner]
      }
      solution[row] /= lower[row * count + row]
    }
    return solution
  }
}

extension WeightPlan {
  /// Finds a quantizer for every group of the weights and rounds them by second moments.
  func quantizeGroups<B: Backend>(
    _ weights: Tensor, axis: Int, groupSize: Int, _ moments: FilterMoments,
    settings: QuantizationSettings, on backend: B
  ) throws -> QuantizedWeights {
    let rows = WeightRows(weights, axis: axis, groupSize: groupSize)
    var start = try signedQuantizers(of: rows, settings, on: backend)
    if settings.scales == .powerOfTwo {
      for row in start.indices {
        start[row].quantizer = start[row].quantizer.withPowerOfTwoScale(for: rows.row(row))
      }
    }
    let search = SecondOrderWeights(weights, axis: axis, moments)
    let found = search.grouped(
      start, groupSize: groupSize, fitsScales: settings.scales != .powerOfTwo)
    let quantizers = found.flatMap(\.quantizers)
    let codes = found.flatMap { row in
      row.steps.enumerated().map { row.quantizers[$0 / groupSize].stored($1) }
    }
    var result = QuantizedWeights(
      codes: rows.inPlace(
        codes, shape: weights.shape, as: QuantizedWeights.storage(levels: levels)),
      quantizers: quantizers.map(\.quantizer), isMirrored: quantizers.map(\.isMirrored),
      axis: axis, groupSize: groupSize, isChosenByOutputs: true)
    result.measure(against: weights)
    return result
  }
}
