public import Tensors

extension ReferenceBackend {
  /// Matrix product of `float32` in the canonical order; see <doc:CanonicalFloats>.
  ///
  /// `[..., M, K]` times `[..., K, N]`; leading dimensions broadcast.
  public func matrixMultiply(_ a: Tensor, _ b: Tensor) -> Tensor {
    multiply(a, b, of: Float.self)
  }

  /// Matrix product of 8-bit codes less their zero points in `int32` that wraps.
  ///
  /// `aZeroPoint` is a scalar, one value a row, or one a row of every matrix; `bZeroPoint` likewise
  /// for columns.
  public func matrixMultiplyCodes(
    _ a: Tensor, zeroPoint aZeroPoint: Tensor?, _ b: Tensor, zeroPoint bZeroPoint: Tensor?
  ) -> Tensor {
    let geometry = MatrixProductGeometry(a.shape, b.shape)
    let (depth, columns) = (max(geometry.depth, 1), max(geometry.columns, 1))
    let a = a.codes(less: aZeroPoint) { $0 / depth }
    let b = b.codes(less: bZeroPoint) { $0 / (depth * columns) * columns + $0 % columns }
    return multiply(a, b, of: Int32.self)
  }

  private func multiply<Element: ProductElement & TensorScalar>(
    _ a: Tensor, _ b: Tensor, of _: Element.Type
  ) -> Tensor {
    let geometry = MatrixProductGeometry(a.shape, b.shape)
    return Tensor(shape: geometry.shape) { (y: UnsafeMutableBufferPointer<Element>) in
      a.withElements(of: Element.self) { a in
        b.withElements(of: Element.self) { b in
          ReferenceMatrixProduct(
            geometry: geometry, a: a.baseAddress!, b: b.baseAddress!, y: y.baseAddress!
          ).run()
        }
      }
    }
  }
}

/// Products of matrices; tiles of columns and rows are computed side by side.
private struct ReferenceMatrixProduct<Element: ProductElement> {
  var geometry: MatrixProductGeometry
  var a: UnsafePointer<Element>
  var b: UnsafePointer<Element>
  var y: UnsafeMutablePointer<Element>

  /// Rows of a tile: enough to make up for loading its columns.
  private static var tileRows: Int { 128 }

  func run() {
    let laneCount = CanonicalProduct.laneCount
    let columnTiles = (geometry.columns + laneCount - 1) / laneCount
    let rowTiles = (geometry.rows + Self.tileRows - 1) / Self.tileRows
    concurrently(geometry.matrices.count * rowTiles * columnTiles) { index in
      let (rest, columnTile) = index.quotientAndRemainder(dividingBy: columnTiles)
      let (matrix, rowTile) = rest.quotientAndRemainder(dividingBy: rowTiles)
      let firstColumn = columnTile * laneCount
      let firstRow = rowTile * Self.tileRows
      runTile(
        matrix, rows: firstRow..<min(firstRow + Self.tileRows, geometry.rows),
        columns: firstColumn..<min(firstColumn + laneCount, geometry.columns))
    }
  }

  private func runTile(_ matrix: Int, rows: Range<Int>, columns: Range<Int>) {
    let laneCount = CanonicalProduct.laneCount
    let (rowCount, depth, columnCount) = (geometry.rows, geometry.depth, geometry.columns)
    let left = a + (geometry.matrices[matrix].a * rowCount + rows.lowerBound) * depth
    let right = b + geometry.matrices[matrix].b * depth * columnCount + columns.lowerBound
    let target = y + (matrix * rowCount + rows.lowerBound) * columnCount + columns.lowerBound
    multiplyTile(
      ProductRows(elements: left, count: rows.count, depth: depth),
      load: { block, tile in
        for k in block {
          let line = tile + (k - block.lowerBound) * laneCount
          line.update(from: right + k * columnCount, count: columns.count)
          (line + columns.count).update(repeating: .zero, count: laneCount - columns.count)
        }
      },
      store: { row, sums in
        (target + row * columnCount).update(from: sums, count: columns.count)
      })
  }
}
