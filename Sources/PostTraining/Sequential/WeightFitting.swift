import Tensors

/// Weights that come closest to a layer's float outputs on data that are not the float network's.
///
/// With `y` what a filter `w` meets in the float network and `x` what it meets now, `v` shall leave the
/// least `E (w y - v x)^2`, and not go far from `w` where few data speak for it:
///
///     v = w + w (C - G) (G + r I)^-1,    C = E[y x^T], G = E[x x^T]
///
/// which is ridge regression with the ridge `r`, a part of the mean of G's diagonal, around `w`.
struct WeightFitting {
  /// The ridge, as a part of the mean of the diagonal.
  private static let ridge = 0.01

  let moments: FilterMoments

  /// The fitted weights of `weights`.
  func fitted(_ weights: Tensor, axis: Int) -> Tensor {
    let rows = WeightRows(weights, axis: axis)
    let perGroup = rows.count / moments.groups.count
    var result = rows.values.array(of: Float.self)
    for (group, blocks) in moments.groups.enumerated() {
      for block in blocks {
        guard let cross = block.cross else { continue }
        let solver = PositiveSolver(block.gram, count: block.elements.count, ridge: Self.ridge)
        for row in group * perGroup..<(group + 1) * perGroup {
          let first = rows.range(row).lowerBound + block.elements.lowerBound
          let own = (0..<block.elements.count).map { Double(result[first + $0]) }
          let change = solver.solve(Self.pull(own, cross, block.gram))
          for (place, value) in own.enumerated() {
            result[first + place] = Float(value + change[place])
          }
        }
      }
    }
    guard let places = rows.places else { return Tensor(result, shape: weights.shape) }
    return Tensor(shape: weights.shape) { (elements: UnsafeMutableBufferPointer<Float>) in
      for position in result.indices { elements[places[position]] = result[position] }
    }
  }

  /// `w (C - G)`
  private static func pull(_ weights: [Double], _ cross: [Double], _ gram: [Double]) -> [Double] {
    let count = weights.count
    var result = [Double](repeating: 0, count: count)
    for (row, weight) in weights.enumerated() where weight != 0 {
      for column in 0..<count {
        result[column] += weight * (cross[row * count + column] - gram[row * count + column])
      }
    }
    return result
  }
}

extension FilterMoments {
  /// What to add to every output channel's bias so that the mean of its outputs is that of `weights` in
  /// the float network.
  func shifts(_ weights: Tensor, _ quantized: QuantizedWeights, axis: Int) -> [Double] {
    let rows = WeightRows(weights, axis: axis)
    let errors = quantized.errors(of: weights)
    let perGroup = rows.count / groups.count
    return (0..<rows.count).map { row in
      let first = rows.range(row).lowerBound
      var shift = 0.0
      for block in groups[row / perGroup] {
        guard let means = block.means else { continue }
        for (place, element) in block.elements.enumerated() {
          let position = first + element
          let weight = Double(rows.values.withElements(of: Float.self) { $0[position] })
          let error = errors[rows.places?[position] ?? position]
          shift += weight * (means.float[place] - means.quantized[place])
          shift -= error * means.quantized[place]
        }
      }
      return shift
    }
  }
}

extension [Double] {
  /// Replaces G by the lower L of `G + r I = L L^T`.
  ///
  /// - Returns: Whether G is a Gram matrix up to the rounding of its sums: no pivot lies far below r.
  fileprivate mutating func factorize(count: Int, adding ridge: Double) -> Bool {
    withUnsafeMutableBufferPointer { factor in
      for row in 0..<count {
        factor[row * count + row] += ridge
        for column in 0...row {
          var sum = factor[row * count + column]
          for inner in 0..<column {
            sum -= factor[row * count + inner] * factor[column * count + inner]
          }
          if row == column, !(sum >= ridge / 2) { return false }
          factor[row * count + column] =
            row == column ? sum.squareRoot() : sum / factor[column * count + column]
        }
      }
      return true
    }
  }
}

/// Solves `(G + r I) x = b` by Cholesky's factorization.
struct PositiveSolver {
  private let count: Int
  /// L of `L L^T`, row after row.
  private var factor: [Double]

  /// - Parameters:
  ///   - gram: G, row after row.
  ///   - ridge: r, as a part of the mean of G's diagonal; ten times as much, again and again, while
  ///     rounding of G's sums outweighs it.
  init(_ gram: [Double], count: Int, ridge: Double) {
    self.count = count
    let mean = (0..<count).reduce(0) { $0 + gram[$1 * count + $1] } / Double(max(count, 1))
    var added = mean > 0 ? mean * ridge : 1
    factor = gram
    while !factor.factorize(count: count, adding: added), added.isFinite {
      added *= 10
      factor = gram
    }
  }

  /// x for `b`.
  func solve(_ b: [Double]) -> [Double] {
    var x = b
    factor.withUnsafeBufferPointer { factor in
      for row in 0..<count {
        var sum = x[row]
        for inner in 0..<row { sum -= factor[row * count + inner] * x[inner] }
        x[row] = sum / factor[row * count + row]
      }
      for row in (0..<count).reversed() {
        x[row] /= factor[row * count + row]
        for inner in 0..<row { x[inner] -= factor[row * count + inner] * x[row] }
      }
    }
    return x
  }
}
