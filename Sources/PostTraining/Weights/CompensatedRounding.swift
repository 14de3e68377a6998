package import Quantization

/// Rounds the weights of a filter one after the other and lets those that are left make up for each
/// error, so that the filter's outputs change least.
///
/// The squared error of outputs is `d^T H d` for an error `d` of the weights and `H`, the Gram matrix
/// of what the filter meets. With `H^-1 = U^T U`, U upper triangular, the best that the weights behind
/// place i can do about its error e is to move by `-e / U[i, i] * U[i, j]`: Frantar et al., "GPTQ",
/// ICLR 2023, section 3, after "Optimal Brain Compression", NeurIPS 2022.
package struct CompensatedRounding: Sendable {
  /// U, row after row.
  private let factor: [Double]
  private let count: Int

  /// What is added to the diagonal, as a part of its mean: with few data H is near a singular matrix. Ten
  /// times as much, again and again, while rounding of H's sums outweighs it.
  private static let damping = 0.01

  /// - Parameter gram: H, row after row.
  package init(gram: [Double], count: Int) {
    self.count = count
    let mean = (0..<count).reduce(0) { $0 + gram[$1 * count + $1] } / Double(max(count, 1))
    // An input that is always 0 has a weight that does not matter.
    var added = mean > 0 ? mean * Self.damping : 1
    var upper = Self.upperFactor(gram, count, adding: added)
    while upper == nil, added.isFinite {
      added *= 10
      upper = Self.upperFactor(gram, count, adding: added)
    }
    guard let upper else { preconditionFailure("moments of patches are not finite") }
    factor = Self.inverseUpper(upper, count)
  }

  /// V, upper triangular, with `matrix + damping I = V V^T`: Cholesky from the last row up; `nil` where a
  /// pivot lies far below the damping, and the matrix is no Gram matrix.
  private static func upperFactor(
    _ matrix: [Double], _ count: Int, adding damping: Double
  ) -> [Double]? {
    var result = [Double](repeating: 0, count: count * count)
    for column in (0..<count).reversed() {
      var pivot = matrix[column * count + column] + damping
      for inner in (column + 1)..<max(count, column + 1) {
        pivot -= result[column * count + inner] * result[column * count + inner]
      }
      guard pivot >= damping / 2 else { return nil }
      let root = pivot.squareRoot()
      result[column * count + column] = root
      for row in 0..<column {
        var sum = matrix[row * count + column]
        for inner in (column + 1)..<max(count, column + 1) {
          sum -= result[row * count + inner] * result[column * count + inner]
        }
        result[row * count + column] = sum / root
      }
    }
    return result
  }

  /// The inverse of an upper triangular matrix.
  private static func inverseUpper(_ matrix: [Double], _ count: Int) -> [Double] {
    var result = [Double](repeating: 0, count: count * count)
    for row in (0..<count).reversed() {
      let pivot = 1 / matrix[row * count + row]
      result[row * count + row] = pivot
      for inner in (row + 1)..<max(count, row + 1) {
        let share = matrix[row * count + inner] * pivot
        guard share != 0 else { continue }
        for column in inner..<count {
          result[row * count + column] -= share * result[inner * count + column]
        }
      }
    }
    return result
  }

  /// The codes less the zero point of the weights of one filter, in the order of H.
  package func codes(of weights: [Float], _ quantizer: Quantizer) -> [Int8] {
    codes(of: weights.map(Double.init), quantizer)
  }

  /// The same for weights in double precision.
  func codes(of weights: [Double], _ quantizer: Quantizer) -> [Int8] {
    steps(of: weights, [SignedQuantizer(quantizer: quantizer)]).map { Int8($0) }
  }

  /// The same by quantizers of which there is one, or one for each weight.
  func steps(of weights: [Double], _ quantizers: [SignedQuantizer]) -> [Int] {
    var weights = weights
    var codes = [Int](repeating: 0, count: count)
    let isShared = quantizers.count == 1
    weights.withUnsafeMutableBufferPointer { weights in
      factor.withUnsafeBufferPointer { factor in
        for place in 0..<count {
          let quantizer = quantizers[isShared ? 0 : place]
          let code = quantizer.step(of: weights[place])
          codes[place] = code
          let row = place * count
          let error = (weights[place] - quantizer.scale * Double(code)) / factor[row + place]
          guard error != 0 else { continue }
          for later in (place + 1)..<max(count, place + 1) {
            weights[later] -= error * factor[row + later]
          }
        }
      }
    }
    return codes
  }
}
