import CElementary

/// The one order in which every backend adds the products of a convolution or a matrix product; see
/// <doc:CanonicalFloats>.
public enum CanonicalProduct {
  /// Products that are added into one partial sum.
  ///
  /// With 8-bit codes less their zero points, at most 255 in magnitude, a partial sum of this length
  /// stays below 2^24: floats add it exactly, which integer kernels rely on.
  public static let blockLength = 256

  /// Columns that the reference computes side by side.
  static let laneCount = Int(CE_LANES)
}

/// A type of element whose products the reference adds.
protocol ProductElement: AdditiveArithmetic, BitwiseCopyable {
  /// The sums of one block from zero; see `ce_product_block`.
  static func multiplyBlock(
    weights: UnsafePointer<Self>, stride: Int, rows: Int, columns: UnsafePointer<Self>, count: Int,
    sums: UnsafeMutablePointer<Self>)

  /// `a + b`, integers wrapping.
  static func sum(_ a: Self, _ b: Self) -> Self
}

extension Float: ProductElement {
  static func multiplyBlock(
    weights: UnsafePointer<Float>, stride: Int, rows: Int, columns: UnsafePointer<Float>,
    count: Int, sums: UnsafeMutablePointer<Float>
  ) {
    ce_product_block(weights, stride, rows, columns, count, sums)
  }

  static func sum(_ a: Float, _ b: Float) -> Float { a + b }
}

extension Int32: ProductElement {
  static func multiplyBlock(
    weights: UnsafePointer<Int32>, stride: Int, rows: Int, columns: UnsafePointer<Int32>,
    count: Int, sums: UnsafeMutablePointer<Int32>
  ) {
    ce_product_block_int32(weights, stride, rows, columns, count, sums)
  }

  static func sum(_ a: Int32, _ b: Int32) -> Int32 { a &+ b }
}

/// The left factor of a product: `count` rows of `depth` elements.
struct ProductRows<Element> {
  var elements: UnsafePointer<Element>
  var count: Int
  var depth: Int
}

/// The product of `rows` with `CanonicalProduct.laneCount` columns, handed to `store` row by row.
///
/// `load` writes the columns' elements of a range of the sum, `laneCount` for every k, unused lanes
/// included. A sum over nothing is zero.
func multiplyTile<Element: ProductElement>(
  _ rows: ProductRows<Element>,
  load: (_ block: Range<Int>, _ columns: UnsafeMutablePointer<Element>) -> Void,
  store: (_ row: Int, _ sums: UnsafePointer<Element>) -> Void
) {
  let lanes = CanonicalProduct.laneCount
  let blockLength = CanonicalProduct.blockLength
  let columns = UnsafeMutablePointer<Element>.allocate(capacity: blockLength * lanes)
  let partial = UnsafeMutablePointer<Element>.allocate(capacity: rows.count * lanes)
  let total = UnsafeMutablePointer<Element>.allocate(capacity: rows.count * lanes)
  defer {
    columns.deallocate()
    partial.deallocate()
    total.deallocate()
  }
  total.update(repeating: .zero, count: rows.count * lanes)
  for start in stride(from: 0, to: rows.depth, by: blockLength) {
    let block = start..<min(start + blockLength, rows.depth)
    load(block, columns)
    // The first partial sum is the total; adding it to zero would turn -0 into +0.
    let sums = start == 0 ? total : partial
    Element.multiplyBlock(
      weights: rows.elements + start, stride: rows.depth, rows: rows.count, columns: columns,
      count: block.count, sums: sums)
    if start > 0 {
      for i in 0..<rows.count * lanes { total[i] = Element.sum(total[i], partial[i]) }
    }
  }
  for row in 0..<rows.count { store(row, total + row * lanes) }
}
