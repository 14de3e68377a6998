/// The one order in which reductions add, on every device.
///
/// The elements of one output are taken in row-major order over the reduced axes and cut into blocks
/// of ``block``; each block is added from 0 one element after the other, and the block sums are added
/// to 0 one after the other. Up to ``block`` elements that is the plain sum in order; beyond, the
/// rounding error grows with `count / block + block` instead of `count`.
enum CanonicalSum {
  /// Elements in a block.
  static let block = 512

  /// The sum of `body(i)` for `i` in `0..<count`.
  @inline(__always)
  static func sum<Scalar: BinaryFloatingPoint>(
    _ count: Int, _ body: (_ index: Int) -> Scalar
  ) -> Scalar {
    accumulate(count) { $0 + body($1) }
  }

  /// As ``sum(_:_:)``, `body` adding to the block's sum by itself, with `fma` for example.
  @inline(__always)
  static func accumulate<Scalar: BinaryFloatingPoint>(
    _ count: Int, _ body: (_ sum: Scalar, _ index: Int) -> Scalar
  ) -> Scalar {
    var total: Scalar = 0
    var start = 0
    while start < count {
      let end = min(start + block, count)
      var sum: Scalar = 0
      for i in start..<end { sum = body(sum, i) }
      total += sum
      start = end
    }
    return total
  }
}
