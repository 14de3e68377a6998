import Graph
import Operations
import Tensors

extension OperatorTable {
  static let movements: [any Operator.Type] = [
    Transpose.self, Concat.self, Split.self, Slice.self, Pad.self, Tile.self, DepthToSpace.self,
    SpaceToDepth.self, Resize.self,
  ]
}

/// Axes in another order; reversed by default.
struct Transpose: Operator {
  static let signatures = [OperatorSignature("Transpose", attributes: ["perm": .ints])]

  let permutation: [Int]?

  init(_ node: NodeReader) throws {
    permutation = node.ints("perm")
    if let permutation, permutation.sorted() != Array(permutation.indices) {
      throw node.invalid("attribute 'perm' is \(permutation), which is no permutation")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    let permutation = permutation ?? Array((0..<x.rank).reversed())
    guard permutation.count == x.rank else {
      throw call.invalid("attribute 'perm' is \(permutation) for an input of shape \(x.shape)")
    }
    return call.results(try call.backend.transpose(x, permutation))
  }
}

/// Tensors one after the other.
struct Concat: Operator {
  static let signatures = [
    OperatorSignature("Concat", inputs: 1...Int.max, attributes: ["axis": .int])
  ]

  let axis: Int

  init(_ node: NodeReader) throws { axis = try node.required("axis", node.int("axis")) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let values = try call.values()
    return call.results(try Self.concatenate(values, axis: axis, call))
  }

  static func concatenate<B: Backend>(
    _ values: [B.Value], axis: Int, _ call: OperatorCall<B>
  ) throws -> B.Value {
    let shapes = values.map(\.shape)
    guard values.allSatisfy({ $0.elementType == values[0].elementType }) else {
      throw call.invalid("types \(values.map(\.elementType)) are not one")
    }
    let axis = try call.axis(axis, rank: shapes[0].count)
    func rest(_ shape: [Int]) -> [Int] {
      shape.indices.map { $0 == axis ? 0 : shape[$0] }
    }
    guard shapes.allSatisfy({ rest($0) == rest(shapes[0]) }) else {
      throw call.invalid(
        "shapes \(shapes.map(\.description).joined(separator: ", ")) do not fit along axis \(axis)")
    }
    return values.count == 1 ? values[0] : try call.backend.concatenate(values, axis: axis)
  }
}

/// A tensor cut along an axis: into the parts that an attribute (up to operator set 12) or an input
/// states, else into equal ones.
struct Split: Operator {
  static let signatures = [
    OperatorSignature(
      "Split", until: 12, outputs: 1...Int.max, attributes: ["axis": .int, "split": .ints]),
    OperatorSignature(
      "Split", since: 13, inputs: 1...2, outputs: 1...Int.max,
      attributes: ["axis": .int, "num_outputs": .int]),
  ]

  let axis: Int
  let parts: [Int]?
  let count: Int
  let allowsUneven: Bool

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: 0)
    parts = node.ints("split")
    count = node.node.outputs.count
    allowsUneven = node.opset >= 18
    if let stated = node.int("num_outputs"), stated != count {
      throw node.invalid("attribute 'num_outputs' is \(stated) for \(count) outputs")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    let axis = try call.axis(axis, rank: x.rank)
    let extent = x.shape[axis]
    let parts = try call.optionalIntegers(1) ?? parts ?? equalParts(of: extent, call)
    guard parts.count == count, parts.allSatisfy({ (0...extent).contains($0) }),
      parts.reduce(0, +) == extent
    else {
      throw call.invalid(
        "parts \(parts) do not make up axis \(axis) of shape \(x.shape) in \(count) outputs")
    }
    var start = 0
    return try parts.map { part in
      defer { start += part }
      return Operand(value: try call.slice(x, axis: axis, from: start, count: part))
    }
  }

  private func equalParts<B>(of extent: Int, _ call: OperatorCall<B>) throws -> [Int] {
    let size = (extent + count - 1) / count
    guard extent % count == 0 || allowsUneven && extent > size * (count - 1) else {
      throw call.invalid("an extent of \(extent) cannot be cut into \(count) parts")
    }
    return (0..<count).map { min(size, extent - $0 * size) }
  }
}

extension OperatorCall {
  /// `count` neighbours along one axis.
  func slice(_ x: B.Value, axis: Int, from start: Int, count: Int) throws -> B.Value {
    var starts = [Int](repeating: 0, count: x.rank)
    var extents = x.shape
    starts[axis] = start
    extents[axis] = count
    return try backend.slice(
      x, starts: starts, steps: [Int](repeating: 1, count: x.rank), extents: extents)
  }
}

/// Ranges of axes: attributes up to operator set 9, inputs since.
struct Slice: Operator {
  static let signatures = [
    OperatorSignature(
      "Slice", until: 9, attributes: ["axes": .ints, "ends": .ints, "starts": .ints]),
    OperatorSignature("Slice", since: 10, inputs: 3...5),
  ]

  let starts: [Int]?
  let ends: [Int]?
  let axes: [Int]?

  init(_ node: NodeReader) throws {
    starts = node.ints("starts")
    ends = node.ints("ends")
    axes = node.ints("axes")
    if node.opset < 10 {
      _ = try node.required("starts", starts)
      _ = try node.required("ends", ends)
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let starts = try starts ?? call.integers(1)
    let ends = try ends ?? call.integers(2)
    let named = try call.optionalIntegers(3) ?? axes ?? Array(starts.indices)
    let steps = try call.optionalIntegers(4) ?? starts.map { _ in 1 }
    guard Set([starts.count, ends.count, named.count, steps.count]).count == 1 else {
      throw call.invalid(
        "starts \(starts), ends \(ends), axes \(named) and steps \(steps) differ in length")
    }
    var first = shape.map { _ in 0 }
    var step = shape.map { _ in 1 }
    var extents = shape
    let found = try named.map { try call.axis($0, rank: shape.count) }
    guard Set(found).count == found.count else {
      throw call.invalid("axes \(named) name an axis twice")
    }
    for (index, axis) in found.enumerated() {
      guard steps[index] != 0 else { throw call.invalid("a step is 0") }
      (first[axis], extents[axis]) = Self.range(
        starts[index], ends[index], step: steps[index], extent: shape[axis])
      step[axis] = extents[axis] > 1 ? steps[index] : 1
    }
    return call.results(
      try call.backend.slice(call.value(0), starts: first, steps: step, extents: extents))
  }

  /// The first index and the number of elements, bounds clamped as Python does.
  static func range(_ start: Int, _ end: Int, step: Int, extent: Int) -> (Int, Int) {
    func clamped(_ index: Int, _ bounds: ClosedRange<Int>) -> Int {
      let wrapped = index < 0 ? index.addingReportingOverflow(extent).partialValue : index
      return min(max(wrapped, bounds.lowerBound), bounds.upperBound)
    }
    let distance: Int
    let first: Int
    if step > 0 {
      first = clamped(start, 0...extent)
      distance = clamped(end, 0...extent) - first
    } else {
      first = clamped(start, -1...(extent - 1))
      distance = first - clamped(end, -1...(extent - 1))
    }
    guard distance > 0 else { return (0, 0) }
    let width = Int(clamping: step.magnitude)
    return (first, (distance - 1) / width + 1)
  }
}

/// Repetition of the whole tensor along its axes.
struct Tile: Operator {
  static let signatures = [OperatorSignature("Tile", inputs: 2...2)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    var x = try call.value(0)
    let shape = x.shape
    let repeats = try call.integers(1)
    guard repeats.count == shape.count,
      repeats.allSatisfy({ (0...HostMemory.elementLimit).contains($0) })
    else {
      throw call.invalid("repeats \(repeats) for an input of shape \(shape)")
    }
    let result = zip(shape, repeats).map { $0.multipliedReportingOverflow(by: $1) }
      .map { $0.overflow ? Int.max : $0.partialValue }
    try call.requireRoom(for: result)
    // Innermost first, so that earlier axes repeat what later ones have.
    for axis in shape.indices.reversed() where repeats[axis] != 1 {
      let outer = shape[..<axis].reduce(1, *)
      let inner = result[(axis + 1)...].reduce(1, *) * shape[axis]
      x = try call.backend.reshape(x, to: [outer, 1, inner])
      x = try call.backend.broadcast(x, to: [outer, repeats[axis], inner])
    }
    return call.results(try call.backend.reshape(x, to: result))
  }
}

/// Blocks of channels spread over height and width.
struct DepthToSpace: Operator {
  static let signatures = [
    OperatorSignature("DepthToSpace", attributes: ["blocksize": .int, "mode": .string])
  ]

  let size: Int
  let columnsFirst: Bool

  init(_ node: NodeReader) throws {
    size = try node.blockSize()
    columnsFirst = try node.choice("mode", default: "DCR", ["DCR": false, "CRD": true])
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    guard x.rank == 4, x.shape[1] % (size * size) == 0 else {
      throw call.invalid("shape \(x.shape) has no blocks of \(size)x\(size) channels")
    }
    let (n, depth, height, width) = (x.shape[0], x.shape[1] / (size * size), x.shape[2], x.shape[3])
    let split =
      columnsFirst ? [n, depth, size, size, height, width] : [n, size, size, depth, height, width]
    let order = columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
    let blocks = try call.backend.transpose(call.backend.reshape(x, to: split), order)
    return call.results(
      try call.backend.reshape(blocks, to: [n, depth, height * size, width * size]))
  }
}

/// Blocks of height and width gathered in channels.
struct SpaceToDepth: Operator {
  static let signatures = [OperatorSignature("SpaceToDepth", attributes: ["blocksize": .int])]

  let size: Int

  init(_ node: NodeReader) throws { size = try node.blockSize() }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    guard x.rank == 4, x.shape[2] % size == 0, x.shape[3] % size == 0 else {
      throw call.invalid("shape \(x.shape) cannot be cut into blocks of \(size)x\(size)")
    }
    let (n, depth, height, width) = (x.shape[0], x.shape[1], x.shape[2] / size, x.shape[3] / size)
    let blocks = try call.backend.transpose(
      call.backend.reshape(x, to: [n, depth, height, size, width, size]), [0, 3, 5, 1, 2, 4])
    return call.results(
      try call.backend.reshape(blocks, to: [n, depth * size * size, height, width]))
  }
}

extension NodeReader {
  /// The attribute `blocksize`.
  fileprivate func blockSize() throws -> Int {
    let size = try required("blocksize", int("blocksize"))
    guard (1...(1 << 15)).contains(size) else { throw invalid("attribute 'blocksize' is \(size)") }
    return size
  }
}
