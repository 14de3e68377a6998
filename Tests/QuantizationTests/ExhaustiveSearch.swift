import Glibc
import Quantization

/// The least squared error over all scales and zero points, by trying them on the sorted values; an
/// implementation of its own in `Double`, to judge the searches by.
struct ExhaustiveSearch {
  private let levels: Int
  private let scheme: Scheme
  private let squares: Double
  /// Sorted magnitudes of one side and the sums of those from a position on.
  private let sides: [(magnitudes: [Double], tails: [Double])]

  init(_ values: [Float], levels: Int, scheme: Scheme) {
    self.levels = levels
    self.scheme = scheme
    squares = values.reduce(0) { $0 + Double($1) * Double($1) }
    sides = [1.0, -1.0].map { sign in
      let magnitudes = values.map { Double($0) * sign }.filter { $0 > 0 }.sorted()
      var tails = [Double](repeating: 0, count: magnitudes.count + 1)
      for index in magnitudes.indices.reversed() {
        tails[index] = tails[index + 1] + magnitudes[index]
      }
      return (magnitudes, tails)
    }
  }

  /// Sum and number of the magnitudes of a side that are at least `threshold`.
  private func tail(_ side: Int, _ threshold: Double) -> (sum: Double, count: Double) {
    let (magnitudes, tails) = sides[side]
    var (low, high) = (0, magnitudes.count)
    while low < high {
      let middle = (low + high) / 2
      if magnitudes[middle] < threshold { low = middle + 1 } else { high = middle }
    }
    return (tails[low], Double(magnitudes.count - low))
  }

  /// The best squared error at a scale over all zero points, and the least-squares scale for the
  /// codes that the values have there.
  func error(scale: Double) -> (error: Double, refit: Double) {
    // products[side][k], squares[side][k]: sum of |code x| and code^2 with codes up to k.
    var sums: [[(products: Double, squares: Double)]] = []
    for side in 0...1 {
      var (product, square) = (0.0, 0.0)
      var entries = [(product, square)]
      for code in 1..<levels {
        let (sum, count) = tail(side, (Double(code) - 0.5) * scale)
        product += sum
        square += Double(2 * code - 1) * count
        entries.append((product, square))
      }
      sums.append(entries)
    }
    var best = (error: Double.infinity, refit: scale)
    for zeroPoint in scheme == .affine ? 0...(levels - 1) : (levels / 2)...(levels / 2) {
      let product = sums[0][levels - 1 - zeroPoint].products + sums[1][zeroPoint].products
      let square = sums[0][levels - 1 - zeroPoint].squares + sums[1][zeroPoint].squares
      let error = squares - 2 * scale * product + scale * scale * square
      if error < best.error { best = (error, square > 0 ? product / square : scale) }
    }
    return best
  }

  /// The least squared error found with `steps` scales, the best of which descend to their minimum.
  func leastError(steps: Int) -> Double {
    let widest = 2 * (sides.compactMap(\.magnitudes.last).max() ?? 0) / (Double(levels) / 2)
    guard widest > 0 else { return 0 }
    // Two thirds of the scales evenly spaced, the others logarithmically.
    var tried = (1...steps).map { step in
      let scale =
        step % 3 == 0
        ? widest * pow(2, -12 * Double(step) / Double(steps))
        : widest * Double(step) / Double(steps)
      return (scale: scale, found: error(scale: scale))
    }
    tried.sort { $0.found.error < $1.found.error }
    var least = tried[0].found.error
    for candidate in tried.prefix(12) {
      var found = candidate.found
      for _ in 0..<20 {
        let next = error(scale: found.refit)
        guard next.error < found.error * (1 - 1e-12) else { break }
        found = next
      }
      least = min(least, found.error)
    }
    return max(least, 0)
  }
}
