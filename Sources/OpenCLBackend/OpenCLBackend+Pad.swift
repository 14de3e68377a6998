import OpenCLHost
public import Operations
import Tensors

extension OpenCLBackend {
  /// `x` with a border; negative widths crop.
  public func pad(_ x: Value, _ padding: Padding) throws -> Value {
    let shape = x.shape.indices.map { x.shape[$0] + padding.before[$0] + padding.after[$0] }
    precondition(shape.allSatisfy { $0 >= 0 }, "\(padding) crops more than there is of \(x.shape)")
    if shape == x.shape, padding.before.allSatisfy({ $0 == 0 }) { return x }
    let count = shape.reduce(1, *)
    let isSmall = max(count, x.count) <= Int(Int32.max)
    switch padding.mode {
    case .constant(let value):
      guard let y = try filled(value, x, padding, shape) else { break }
      return y
    case .edge, .reflect, .wrap:
      guard isSmall, x.rank <= 8, x.rank >= 1, x.count > 0 else { break }
      let mode =
        switch padding.mode {
        case .edge: 1
        case .reflect: 2
        default: 3
        }
      let y = try makeValue(x.elementType, shape)
      let kernel = DeviceKernel(
        "movement/pad.cl", "pad",
        ["WORD=\(x.elementType.wordType)", "RANK=\(x.rank)", "MODE=\(mode)"])
      try launchItems(
        kernel, count: count, x, y,
        constants(borderWords(extents: shape, inputs: x.shape, before: padding.before)),
        UInt32(count))
      return y
    }
    return try runOnHost("pad", [x]) { $0.pad($1[0], padding) }
  }

  /// A result filled with `value`, then `x` copied into it; `nil` if there are too many elements.
  private func filled(
    _ value: Double, _ x: Value, _ padding: Padding, _ shape: [Int]
  ) throws -> Value? {
    // The part of x that is not cropped, and where it lies in the result.
    let first = padding.before.map { max(0, -$0) }
    let target = padding.before.map { max(0, $0) }
    let extents = x.shape.indices.map { axis in
      max(0, x.shape[axis] - first[axis] - max(0, -padding.after[axis]))
    }
    let (from, to) = (rowMajorStrides(x.shape), rowMajorStrides(shape))
    func offset(_ position: [Int], _ strides: [Int]) -> Int {
      zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let isEmpty = extents.contains(0)
    let runs = DeviceRuns(
      shape: extents, operandStrides: [from, to],
      bases: isEmpty ? [0, 0] : [offset(first, from), offset(target, to)])
    guard let runs, shape.reduce(1, *) <= Int(Int32.max) else { return nil }
    let y = try makeValue(x.elementType, shape, operation: "pad")
    try fill(y, ReferenceBackend.shared.cast(Tensor(scalar: value), to: x.elementType))
    if !isEmpty { try copy(x, to: y, runs, operation: "pad") }
    return y
  }

  /// Enqueues the repetition of a scalar over `y`.
  private func fill(_ y: Value, _ scalar: Tensor) throws {
    try onDevice("pad") { () throws(OpenCLError) in
      let word = scalar.withBytes { bytes in
        bytes.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
      }
      let (buffer, count) = (y.memory.buffer, y.count)
      switch y.elementType.byteCount {
      case 1: try buffer.fill(UInt8(truncatingIfNeeded: word), count: count, queue)
      case 2: try buffer.fill(UInt16(truncatingIfNeeded: word), count: count, queue)
      case 4: try buffer.fill(UInt32(truncatingIfNeeded: word), count: count, queue)
      default: try buffer.fill(word, count: count, queue)
      }
    }
  }
}

/// `Border` of `Kernels/movement/pad.cl`.
private func borderWords(extents: [Int], inputs: [Int], before: [Int]) -> [Int32] {
  [extents, inputs, before].flatMap { values in
    values.map { Int32($0) } + [Int32](repeating: 0, count: 8 - values.count)
  }
}
