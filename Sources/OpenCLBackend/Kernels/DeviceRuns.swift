/// A walk over a row-major result whose operands move with strides: `Runs` of
/// `Kernels/prelude/runs.cl`.
///
/// Neighbouring axes over which every operand moves evenly are merged, so that runs are long.
struct DeviceRuns {
  /// Elements of the result.
  let count: Int
  /// What every operand steps by along the run.
  let steps: [Int]
  /// The number of merged axes, extents, four operands' strides, four bases; eight axes.
  let words: [Int32]

  /// Walks `shape` with operand `i` starting at `bases[i]` and stepping `operandStrides[i][axis]`
  /// elements along `axis`; `nil` if that takes more than eight axes or 2^31 elements.
  init?(shape: [Int], operandStrides: [[Int]], bases: [Int]? = nil) {
    precondition(operandStrides.count <= 4)
    let bases = bases ?? operandStrides.map { _ in 0 }
    count = shape.reduce(1, *)
    var extents: [Int] = []
    var strides: [[Int]] = []  // of every operand, per merged axis
    for axis in shape.indices where shape[axis] != 1 {
      let stride = operandStrides.map { $0[axis] }
      if let outer = strides.last, outer == stride.map({ $0 * shape[axis] }) {
        extents[extents.count - 1] *= shape[axis]
        strides[strides.count - 1] = stride
      } else {
        extents.append(shape[axis])
        strides.append(stride)
      }
    }
    if extents.isEmpty {
      extents = [1]
      strides = [operandStrides.map { _ in 0 }]
    }
    guard extents.count <= 8 else { return nil }
    steps = strides[extents.count - 1]
    var words = [Int](repeating: 0, count: 1 + 8 + 4 * 8 + 4)
    words[0] = extents.count
    for (axis, extent) in extents.enumerated() {
      words[1 + axis] = extent
      for (operand, stride) in strides[axis].enumerated() { words[9 + operand * 8 + axis] = stride }
    }
    for (operand, base) in bases.enumerated() {
      let reach = zip(extents, strides).reduce(abs(base)) { sum, axis in
        sum + max(0, axis.0 - 1) * abs(axis.1[operand])
      }
      guard reach <= Int(Int32.max) else { return nil }
      words[41 + operand] = base
    }
    guard count <= Int(Int32.max) else { return nil }
    self.words = words.map { Int32($0) }
  }

  /// Walks `shape`, to which operands of the given shapes are broadcast as NumPy does.
  init?(shape: [Int], broadcasting operands: [[Int]]) {
    self.init(
      shape: shape,
      operandStrides: operands.map { operand in
        let own = denseStrides(operand)
        let missing = shape.count - operand.count
        return shape.indices.map { axis in
          axis < missing || operand[axis - missing] == 1 ? 0 : own[axis - missing]
        }
      })
  }
}

/// Distances between neighbours along every axis of a dense row-major tensor.
func denseStrides(_ shape: [Int]) -> [Int] {
  var strides = shape
  var stride = 1
  for axis in shape.indices.reversed() {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

/// The shape that shapes broadcast to, as NumPy does; traps when they do not.
func broadcastShape(_ shapes: [[Int]]) -> [Int] {
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
