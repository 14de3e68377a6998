import Operations

/// ``StridedRuns`` as kernels read them: `Runs` of `Kernels/prelude/runs.cl`.
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
    self.init(
      StridedRuns(shape: shape, operandStrides: operandStrides),
      bases: bases ?? operandStrides.map { _ in 0 })
  }

  /// Walks `shape`, to which operands of the given shapes are broadcast as NumPy does.
  init?(shape: [Int], broadcasting operands: [[Int]]) {
    self.init(StridedRuns(shape: shape, broadcasting: operands), bases: operands.map { _ in 0 })
  }

  /// `runs` with operand `i` starting at `bases[i]`.
  init?(_ runs: StridedRuns, bases: [Int]) {
    guard runs.extents.count <= 8, runs.count <= Int(Int32.max) else { return nil }
    var words = [Int](repeating: 0, count: 1 + 8 + 4 * 8 + 4)
    words[0] = runs.extents.count
    for (axis, extent) in runs.extents.enumerated() {
      words[1 + axis] = extent
      for operand in bases.indices { words[9 + operand * 8 + axis] = runs.strides[axis][operand] }
    }
    for (operand, base) in bases.enumerated() {
      let reach = zip(runs.extents, runs.strides).reduce(abs(base)) { sum, axis in
        sum + max(0, axis.0 - 1) * abs(axis.1[operand])
      }
      guard reach <= Int(Int32.max) else { return nil }
      words[41 + operand] = base
    }
    count = runs.count
    steps = bases.indices.map { runs.runStrides[$0] }
    self.words = words.map { Int32($0) }
  }
}
