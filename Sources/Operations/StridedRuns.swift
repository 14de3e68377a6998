/// A walk over a row-major result whose operands are read with strides: what is behind broadcasting,
/// transposition and concatenation, here and on devices.
///
/// Neighbouring axes over which every operand moves evenly are merged, so that runs are long.
package struct StridedRuns {
  /// Extents of the merged axes, outermost first; the last is the run.
  package private(set) var extents: [Int]
  /// Strides of up to four operands over the merged axes, in elements.
  package private(set) var strides: [SIMD4<Int>]
  /// Number of elements of the result.
  package let count: Int

  /// Strides along the last merged axis: what a run steps by.
  package var runStrides: SIMD4<Int> { strides.last ?? .zero }

  /// Walks `shape` with operand `i` stepping `operandStrides[i][axis]` elements along `axis`.
  package init(shape: [Int], operandStrides: [[Int]]) {
    precondition(operandStrides.count <= 4)
    count = shape.reduce(1, *)
    extents = []
    strides = []
    for axis in shape.indices where shape[axis] != 1 {
      var stride = SIMD4<Int>.zero
      for (operand, all) in operandStrides.enumerated() { stride[operand] = all[axis] }
      if let outer = strides.last, outer == stride &* SIMD4(repeating: shape[axis]) {
        extents[extents.count - 1] *= shape[axis]
        strides[strides.count - 1] = stride
      } else {
        extents.append(shape[axis])
        strides.append(stride)
      }
    }
    if extents.isEmpty {
      extents = [1]
      strides = [.zero]
    }
  }

  /// Walks the shape that `operands` broadcast to; operands of rank below the shape's are aligned at
  /// the end.
  package init(shape: [Int], broadcasting operands: [[Int]]) {
    self.init(
      shape: shape,
      operandStrides: operands.map { operand in
        let own = rowMajorStrides(operand)
        let missing = shape.count - operand.count
        return shape.indices.map { axis in
          axis < missing || operand[axis - missing] == 1 ? 0 : own[axis - missing]
        }
      })
  }

  /// Calls `body` with the start and length of every run in a range of result elements and the
  /// operands' offsets at its start.
  @inline(__always)
  func forEachRun(
    in range: Range<Int>, _ body: (_ start: Int, _ count: Int, _ offsets: SIMD4<Int>) -> Void
  ) {
    let run = extents[extents.count - 1]
    var start = range.lowerBound
    while start < range.upperBound {
      var row = start / run
      let column = start - row * run
      var offsets = runStrides &* SIMD4(repeating: column)
      var axis = extents.count - 2
      while axis >= 0 {
        let outer = row / extents[axis]
        offsets &+= strides[axis] &* SIMD4(repeating: row - outer * extents[axis])
        row = outer
        axis -= 1
      }
      let length = min(run - column, range.upperBound - start)
      body(start, length, offsets)
      start += length
    }
  }
}

/// Distances between neighbours along every axis of a dense row-major tensor.
package func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = shape
  var stride = 1
  for axis in shape.indices.reversed() {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

/// The shape that shapes broadcast to, as NumPy does; traps when they do not.
package func broadcastShape(_ shapes: [[Int]]) -> [Int] {
  let rank = shapes.map(\.count).max() ?? 0
  return (0..<rank).map { axis in
    var extent = 1
    for shape in shapes where axis >= rank - shape.count {
      let own = shape[axis - (rank - shape.count)]
      precondition(own == extent || own == 1 || extent == 1, "\(shapes) do not broadcast")
      if own != 1 { extent = own }
    }
    return extent
  }
}
