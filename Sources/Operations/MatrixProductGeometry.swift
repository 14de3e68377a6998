/// The matrices that a product of tensors with broadcast leading dimensions multiplies.
package struct MatrixProductGeometry: Sendable, Hashable {
  /// Rows of the left factor and of the product.
  package var rows: Int
  /// Columns of the left and rows of the right factor: the length of the sums.
  package var depth: Int
  /// Columns of the right factor and of the product.
  package var columns: Int
  /// Leading dimensions of the product.
  package var leading: [Int]
  /// For every matrix of the product, in row-major order, the indices of its factors.
  package var matrices: [Factors]

  /// The indices of two matrices within their tensors.
  package struct Factors: Sendable, Hashable {
    package var a: Int
    package var b: Int
  }

  /// The geometry of a product of tensors of shapes `[..., M, K]` and `[..., K, N]`.
  package init(_ a: [Int], _ b: [Int]) {
    precondition(a.count >= 2 && b.count >= 2, "no matrices in \(a) and \(b)")
    precondition(a[a.count - 1] == b[b.count - 2], "\(a) and \(b) cannot be multiplied")
    rows = a[a.count - 2]
    depth = a[a.count - 1]
    columns = b[b.count - 1]
    let rank = max(a.count, b.count) - 2
    let aLeading = Array(repeating: 1, count: rank + 2 - a.count) + a.dropLast(2)
    let bLeading = Array(repeating: 1, count: rank + 2 - b.count) + b.dropLast(2)
    leading = zip(aLeading, bLeading).map { x, y in
      precondition(x == y || x == 1 || y == 1, "\(a) and \(b) do not broadcast")
      return x == 1 ? y : x
    }
    matrices = [Factors(a: 0, b: 0)]
    for axis in 0..<rank {
      matrices = matrices.flatMap { factors in
        (0..<leading[axis]).map { index in
          Factors(
            a: factors.a * aLeading[axis] + (aLeading[axis] == 1 ? 0 : index),
            b: factors.b * bLeading[axis] + (bLeading[axis] == 1 ? 0 : index))
        }
      }
    }
  }

  /// The shape of the product.
  package var shape: [Int] { leading + [rows, columns] }
}

extension MatrixProductGeometry {
  /// The product as a convolution: every matrix is a group of one image with a single row, whose
  /// channels are the rows of the right factor and whose weights are the left factor.
  package var convolution: ConvolutionGeometry {
    let row = Spatial(1, 1, columns)
    let pass = ConvolutionGeometry.Pass(
      count: row, first: .zero, step: .one, origin: .zero, stride: .one,
      taps: [ConvolutionGeometry.Tap(index: 0, offset: .zero)])
    return ConvolutionGeometry(
      batch: 1, groups: matrices.count, channels: depth, filters: rows, input: row, output: row,
      kernelCount: 1, passes: [pass])
  }
}
