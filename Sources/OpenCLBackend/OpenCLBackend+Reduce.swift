import OpenCLHost
public import Operations
import Tensors

extension OpenCLBackend {
  /// `function` over `axes`, which keep extent 1 in the result: `float32` except the logarithm of a
  /// sum of exponentials, minima and maxima of integers; others on the reference.
  public func reduce(_ function: Reduction, _ x: Value, axes: [Int]) throws -> Value {
    guard let form = ReduceForm(function, x.elementType), let type = x.elementType.arithmeticType,
      x.count <= Int(Int32.max)
    else { return try runOnHost("reduce", [x]) { $0.reduce(function, $1[0], axes: axes) } }
    let reduced = Set(axes)
    let shape = x.shape.indices.map { reduced.contains($0) ? 1 : x.shape[$0] }
    let y = try makeValue(x.elementType, shape)
    let (rows, outer, extent, inner, period) = try blocks(x, reduced)
    let isRows = inner == 1
    let kernel = DeviceKernel(
      "reduce/reduce.cl", "reduce",
      [
        "T=\(type)", "INITIAL=\(form.initial)", "COMBINE=\(form.combine)",
        "FINISH=\(form.finish)", "BLOCKED=\(form.isBlocked ? 1 : 0)", "ROWS=\(isRows ? 1 : 0)",
      ], preludes: ["prelude/divide.cl", "prelude/elementary.cl"])
    let lanes = facts.isCPU ? (isRows ? 8 : 64) : 1
    let items =
      isRows ? (outer + lanes - 1) / lanes : outer * ((inner + lanes - 1) / lanes)
    try launch(
      kernel, global: [items], local: facts.isCPU ? [1] : workGroup([64]), rows, y,
      UInt32(outer), UInt32(extent), UInt32(inner), UInt32(period))
    return y
  }

  /// `x` as `[outer, extent, inner]` with the reduced axes in the middle, or, with an inner extent of
  /// 1, as `[extent / period, outer, period]` with reduced axes on either side; moved if it is neither.
  private func blocks(
    _ x: Value, _ reduced: Set<Int>
  ) throws -> (rows: Value, outer: Int, extent: Int, inner: Int, period: Int) {
    func product(_ axes: some Sequence<Int>) -> Int { axes.reduce(1) { $0 * x.shape[$1] } }
    // Axes of extent 1 are on either side.
    let axes = x.shape.indices.filter { x.shape[$0] != 1 }
    let middle = axes.filter { reduced.contains($0) }
    let extent = product(middle)
    guard let first = middle.first, let last = middle.last else {
      return (x, product(axes), 1, 1, 1)
    }
    let outer = axes.filter { $0 < first }
    let inner = axes.filter { $0 > last }
    if outer.count + middle.count + inner.count == axes.count {
      return (x, product(outer), extent, product(inner), extent)
    }
    let between = axes.filter { $0 > first && $0 < last && !reduced.contains($0) }
    if outer.isEmpty, inner.isEmpty, let from = between.first, let to = between.last,
      axes.count(where: { (from...to).contains($0) }) == between.count
    {
      return (x, product(between), extent, 1, product(axes.filter { $0 > to }))
    }
    let kept = x.shape.indices.filter { !reduced.contains($0) }
    let moved = try transpose(x, kept + x.shape.indices.filter { reduced.contains($0) })
    return (moved, product(kept), extent, 1, extent)
  }

  // MARK: - Rows

  /// `exp(x - max) / sum(exp(x - max))` over one axis, or its logarithm; `float32`.
  public func softmax(_ x: Value, axis: Int, logarithm: Bool) throws -> Value {
    guard x.elementType == .float32, x.count <= Int(Int32.max) else {
      return try runOnHost("softmax", [x]) { $0.softmax($1[0], axis: axis, logarithm: logarithm) }
    }
    return try eachRow(x, axes: [axis]) { rows, y, count, extent in
      try launchRows(
        "softmax", "softmax", rows: count, rows, y, UInt32(count), UInt32(extent),
        Int32(logarithm ? 1 : 0),
        operation: "softmax")
    }
  }

  /// `(x - mean) * (1 / sqrt(variance + epsilon))` over `axes` together; `float32`.
  public func normalize(_ x: Value, axes: [Int], epsilon: Float) throws -> Value {
    guard x.elementType == .float32, x.count <= Int(Int32.max) else {
      return try runOnHost("normalize", [x]) {
        $0.normalize($1[0], axes: axes, epsilon: epsilon)
      }
    }
    return try eachRow(x, axes: axes) { rows, y, count, extent in
      try launchRows(
        "normalize", "normalize_rows", rows: count, rows, y, UInt32(count), UInt32(extent), epsilon,
        operation: "normalize")
    }
  }

  private func launchRows<each Argument: KernelArgument>(
    _ file: String, _ function: String, rows: Int, _ arguments: repeat each Argument,
    operation: StaticString
  ) throws {
    let kernel = DeviceKernel(
      "softmax/\(file).cl", function,
      preludes: ["prelude/divide.cl", "prelude/elementary.cl", "prelude/rows.cl"])
    try launch(
      kernel, global: [rows], local: facts.isCPU ? [1] : workGroup([64]),
      repeat each arguments, operation: operation)
  }

  /// `body` with `x`, its `axes` moved to the end, as rows; the result moved back.
  private func eachRow(
    _ x: Value, axes: [Int],
    _ body: (_ rows: Value, _ result: Value, _ count: Int, _ extent: Int) throws -> Void
  ) throws -> Value {
    let order = x.shape.indices.filter { !axes.contains($0) } + axes.sorted()
    let extent = axes.reduce(1) { $0 * x.shape[$1] }
    let rows = try transpose(x, order)
    let result = try makeValue(.float32, rows.shape, operation: "softmax")
    if x.count > 0 { try body(rows, result, x.count / extent, extent) }
    var inverse = order
    for (position, axis) in order.enumerated() { inverse[axis] = position }
    return try transpose(result, inverse)
  }
}

/// What the kernel `reduce` is told about a function.
private struct ReduceForm {
  let initial: String
  let combine: String
  var finish = "r"
  var isBlocked = false

  /// `nil` if the device has no kernel for it.
  init?(_ function: Reduction, _ type: ElementType) {
    switch (function, type) {
    case (.maximum, .float32):
      (initial, combine) = ("-INFINITY", "((v > r) | (v != v)) ? v : r")
    case (.minimum, .float32):
      (initial, combine) = ("INFINITY", "((v < r) | (v != v)) ? v : r")
    case (.product, .float32): (initial, combine) = ("1.0f", "r * v")
    case (.l1, .float32): (initial, combine, isBlocked) = ("0.0f", "r + fabs(v)", true)
    case (.sumOfSquares, .float32): (initial, combine, isBlocked) = ("0.0f", "fma(v, v, r)", true)
    case (.l2, .float32):
      (initial, combine, isBlocked) = ("0.0f", "fma(v, v, r)", true)
      finish = "lb_sqrt(r)"
    case (.sum, .float32), (.mean, .float32), (.logSum, .float32):
      (initial, combine, isBlocked) = ("0.0f", "r + v", true)
      if function == .mean { finish = "lb_divide(r, (float)extent)" }
      if function == .logSum { finish = "lb_log(r)" }
    case (.maximum, .int8), (.maximum, .uint8), (.maximum, .int16), (.maximum, .uint16),
      (.maximum, .int32):
      guard let lowest = type.integerRange?.lowerBound else { return nil }
      (initial, combine) = ("(T)(\(lowest + 1) - 1)", "max(v, r)")
    case (.minimum, .int8), (.minimum, .uint8), (.minimum, .int16), (.minimum, .uint16),
      (.minimum, .int32):
      guard let highest = type.integerRange?.upperBound else { return nil }
      (initial, combine) = ("(T)\(highest)", "min(v, r)")
    default: return nil
    }
  }
}
