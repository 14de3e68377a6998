import OperationCases
import Operations
import Tensors
import Testing

/// The reference against sums that are written out.
@Suite struct MatrixProductTests {
  private let reference = ReferenceBackend()

  @Test(arguments: MatrixProductCase.all)
  func floatsAreAddedInTheCanonicalOrder(of example: MatrixProductCase) {
    let result = reference.matrixMultiply(example.a, example.b)
    let (a, b) = (example.a.array(of: Float.self), example.b.array(of: Float.self))
    let computed = result.array(of: Float.self)
    var canonical: [Float] = []
    for (index, factors) in sums(example.a.shape, example.b.shape).enumerated() {
      let products = factors.map { (a[$0], b[$1]) }
      canonical.append(canonicalSum(products, bias: nil))
      let (value, bound) = doubleSum(products, bias: nil)
      guard value.isFinite, bound.isFinite, computed[index].isFinite else { continue }
      if abs(Double(computed[index]) - value) > bound {
        Issue.record("element \(index) is off by more than \(bound)")
      }
    }
    #expect(haveEqualFloats(result, Tensor(canonical, shape: result.shape)))
  }

  @Test(arguments: CodeMatrixProductCase.all)
  func codesAreAddedExactly(of example: CodeMatrixProductCase) {
    let result = reference.matrixMultiplyCodes(
      example.a, zeroPoint: example.aZeroPoint, example.b, zeroPoint: example.bZeroPoint)
    let (a, b) = (integers(example.a), integers(example.b))
    let aZeroPoints = example.aZeroPoint.map(integers) ?? [0]
    let bZeroPoints = example.bZeroPoint.map(integers) ?? [0]
    let (depth, columns) = (example.a.shape.last!, example.b.shape.last!)
    let expected = sums(example.a.shape, example.b.shape).map { factors in
      Int32(
        factors.reduce(0) { total, pair in
          let row = pair.0 / depth
          let column = pair.1 / (depth * columns) * columns + pair.1 % columns
          return total + (a[pair.0] - aZeroPoints[row % aZeroPoints.count])
            * (b[pair.1] - bZeroPoints[column % bZeroPoints.count])
        })
    }
    #expect(result == Tensor(expected, shape: result.shape))
  }

  @Test func leadingDimensionsBroadcast() {
    #expect(
      reference.matrixMultiply(
        Tensor(repeating: Float(1), shape: [2, 1, 5, 8]),
        Tensor(repeating: Float(1), shape: [3, 8, 6])
      ).shape == [2, 3, 5, 6])
  }

  /// For every element of the product the indices of its factors, in order of the sum.
  private func sums(_ a: [Int], _ b: [Int]) -> [[(Int, Int)]] {
    let (rows, depth, columns) = (a[a.count - 2], a[a.count - 1], b[b.count - 1])
    let rank = max(a.count, b.count) - 2
    func extent(_ shape: [Int], _ axis: Int) -> Int {
      let index = axis - (rank + 2 - shape.count)
      return index < 0 ? 1 : shape[index]
    }
    var pairs = [(0, 0)]
    for axis in 0..<rank {
      let (x, y) = (extent(a, axis), extent(b, axis))
      pairs = pairs.flatMap { pair in
        (0..<(x == 1 ? y : x)).map { (pair.0 * x + $0 % x, pair.1 * y + $0 % y) }
      }
    }
    return pairs.flatMap { pair in
      (0..<rows * columns).map { element in
        (0..<depth).map { k in
          (
            (pair.0 * rows + element / columns) * depth + k,
            (pair.1 * depth + k) * columns + element % columns
          )
        }
      }
    }
  }
}
