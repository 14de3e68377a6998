import OpenCLHost
import Operations
import Tensors

extension OpenCLBackend {
  /// Dimension `i` of the result is dimension `permutation[i]` of `x`.
  public func transpose(_ x: Value, _ permutation: [Int]) throws -> Value {
    precondition(permutation.sorted() == Array(0..<x.rank), "\(permutation) is no permutation")
    let shape = permutation.map { x.shape[$0] }
    // Axes of extent 1 can move without moving an element.
    let moving = permutation.filter { x.shape[$0] != 1 }
    if moving == moving.sorted() { return try reshape(x, to: shape) }
    let strides = rowMajorStrides(x.shape)
    return try copy(x, "transpose", shape: shape, strides: permutation.map { strides[$0] }) {
      $0.transpose($1, permutation)
    }
  }

  /// `x` repeated to `shape` as NumPy broadcasts.
  public func broadcast(_ x: Value, to shape: [Int]) throws -> Value {
    precondition(
      broadcastShape([x.shape, shape]) == shape, "\(x.shape) does not broadcast to \(shape)")
    if x.count == shape.reduce(1, *) { return try reshape(x, to: shape) }
    let own = rowMajorStrides(x.shape)
    let missing = shape.count - x.rank
    let strides = shape.indices.map { axis in
      axis < missing || x.shape[axis - missing] == 1 ? 0 : own[axis - missing]
    }
    return try copy(x, "broadcast", shape: shape, strides: strides) {
      $0.broadcast($1, to: shape)
    }
  }

  /// Along every axis, `extents[i]` elements from `starts[i]` in steps of `steps[i]`, which may be
  /// negative.
  public func slice(
    _ x: Value, starts: [Int], steps: [Int], extents: [Int]
  ) throws -> Value {
    let strides = rowMajorStrides(x.shape)
    var offset = 0
    for axis in x.shape.indices where extents[axis] > 0 {
      let last = starts[axis] + steps[axis] * (extents[axis] - 1)
      precondition(
        (0..<x.shape[axis]).contains(starts[axis]) && (0..<x.shape[axis]).contains(last),
        "slice beyond \(x.shape) along axis \(axis)")
      offset += starts[axis] * strides[axis]
    }
    if extents == x.shape, steps.allSatisfy({ $0 > 0 }) { return x }
    return try copy(
      x, "slice", shape: extents, strides: zip(strides, steps).map { $0 * $1 }, offset: offset
    ) { $0.slice($1, starts: starts, steps: steps, extents: extents) }
  }

  /// The tensors one after the other along `axis`.
  public func concatenate(_ values: [Value], axis: Int) throws -> Value {
    precondition(!values.isEmpty, "nothing to concatenate")
    if values.count == 1 { return values[0] }
    var shape = values[0].shape
    shape[axis] = values.reduce(0) { $0 + $1.shape[axis] }
    let strides = rowMajorStrides(shape)
    let y = try makeValue(values[0].elementType, shape)
    var start = 0
    for value in values {
      precondition(value.elementType == y.elementType && value.rank == y.rank)
      let runs = DeviceRuns(
        shape: value.shape, operandStrides: [rowMajorStrides(value.shape), strides],
        bases: [0, start * strides[axis]])
      guard let runs else {
        return try runOnHost("concatenate", values) { $0.concatenate($1, axis: axis) }
      }
      try copy(value, to: y, runs)
      start += value.shape[axis]
    }
    return y
  }

  /// Slices of `x` along `axis` at `indices` (`int64`, already in `0..<extent`).
  public func gather(_ x: Value, indices: Value, axis: Int) throws -> Value {
    precondition(indices.elementType == .int64, "indices of \(indices.elementType)")
    let shape = Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...])
    let count = shape.reduce(1, *)
    guard max(count, x.count) <= Int(Int32.max) else {
      return try runOnHost("gather", [x, indices]) { $0.gather($1[0], indices: $1[1], axis: axis) }
    }
    precondition(count == 0 || x.shape[axis] > 0, "nothing to gather along axis \(axis)")
    let y = try makeValue(x.elementType, shape)
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let kernel = DeviceKernel(
      "movement/gather.cl", "gather", ["WORD=\(x.elementType.wordType)"])
    try launchItems(
      kernel, count: count, x, indices, y, UInt32(x.shape[axis]), UInt32(indices.count),
      UInt32(inner), UInt32(count))
    return y
  }

  // MARK: - Strided copies

  /// A result of `shape` whose axes step over `x` by `strides` elements from element `offset`.
  private func copy(
    _ x: Value, _ operation: StaticString, shape: [Int], strides: [Int], offset: Int = 0,
    _ onHost: (ReferenceBackend, Tensor) throws -> Tensor
  ) throws -> Value {
    let runs = DeviceRuns(
      shape: shape, operandStrides: [strides, rowMajorStrides(shape)], bases: [offset, 0])
    guard let runs else { return try runOnHost(operation, [x]) { try onHost($0, $1[0]) } }
    let y = try makeValue(x.elementType, shape, operation: operation)
    try copy(x, to: y, runs, operation: operation)
    return y
  }

  /// Copies along `runs`, whose operands are `x` and `y`.
  func copy(
    _ x: Value, to y: Value, _ runs: DeviceRuns, operation: StaticString = #function
  ) throws {
    func step(_ operand: Int) -> String {
      let step = runs.steps[operand]
      return step == 0 || step == 1 ? "\(step)" : "runs->strides[\(operand)][runs->rank - 1]"
    }
    let kernel = DeviceKernel(
      "movement/copy.cl", "copy",
      [
        "WORD=\(x.elementType.wordType)", "FROM_STEP=\(step(0))",
        "TO_STEP=\(step(1))",
      ], preludes: ["prelude/runs.cl"])
    try launchItems(
      kernel, count: runs.count, x, y, constants(runs.words), UInt32(runs.count),
      operation: operation)
  }
}
