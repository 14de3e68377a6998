import Graph
import Operations
import Tensors

extension OperatorTable {
  static let indexing: [any Operator.Type] = [
    Gather.self, GatherElements.self, GatherND.self, ScatterElements.self, ScatterND.self,
    NonZero.self,
  ]
}

extension OperatorCall {
  /// The operand at `index` as indices into an axis of `extent`; negative ones count from its end.
  fileprivate func indices(_ index: Int, extent: Int) throws -> [Int] {
    try integers(index).map { place in
      guard (-extent..<extent).contains(place) else {
        throw invalid("index \(place) is not in an axis of extent \(extent)")
      }
      return place < 0 ? place + extent : place
    }
  }
}

/// Slices along an axis.
struct Gather: Operator {
  static let signatures = [OperatorSignature("Gather", inputs: 2...2, attributes: ["axis": .int])]

  let axis: Int

  init(_ node: NodeReader) { axis = node.int("axis", default: 0) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let axis = try call.axis(axis, rank: shape.count)
    let places = try call.indices(1, extent: shape[axis])
    let indices = Tensor.int64(places, shape: try call.operand(1).shape)
    return call.results(
      try call.backend.gather(call.value(0), indices: call.backend.upload(indices), axis: axis))
  }
}

/// Elements, each from a place of its own along an axis.
struct GatherElements: Operator {
  static let signatures = [
    OperatorSignature("GatherElements", since: 11, inputs: 2...2, attributes: ["axis": .int])
  ]

  let axis: Int

  init(_ node: NodeReader) { axis = node.int("axis", default: 0) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let target = try call.operand(1).shape
    let axis = try call.axis(axis, rank: shape.count)
    guard target.count == shape.count,
      shape.indices.allSatisfy({ $0 == axis || target[$0] <= shape[$0] })
    else {
      throw call.invalid("indices of shape \(target) for an input of shape \(shape)")
    }
    call.noteHostOperation("GatherElements")
    let places = try call.indices(1, extent: shape[axis])
    return call.results(
      host: HostIndexing.gatherElements(try call.tensor(0), places, shape: target, axis: axis))
  }
}

/// Slices whose leading coordinates are given.
struct GatherND: Operator {
  static let signatures = [
    OperatorSignature("GatherND", since: 11, inputs: 2...2, attributes: ["batch_dims": .int])
  ]

  let batchRank: Int

  init(_ node: NodeReader) throws {
    batchRank = node.int("batch_dims", default: 0)
    guard batchRank >= 0 else { throw node.invalid("attribute 'batch_dims' is \(batchRank)") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let indexShape = try call.operand(1).shape
    guard let depth = indexShape.last, batchRank < indexShape.count,
      batchRank + depth <= shape.count,
      shape.prefix(batchRank) == indexShape.prefix(batchRank)
    else {
      throw call.invalid("indices of shape \(indexShape) for an input of shape \(shape)")
    }
    let strides = Shapes.strides(shape)
    let places = try call.coordinates(
      1, depth: depth, extents: Array(shape[batchRank..<(batchRank + depth)]))
    let length = shape[(batchRank + depth)...].reduce(1, *)
    let perBatch = indexShape[batchRank...].dropLast().reduce(1, *)
    let batchStride = shape[batchRank...].reduce(1, *)
    let sources = places.enumerated().map { index, place in
      zip(place, strides[batchRank...]).reduce(index / max(perBatch, 1) * batchStride) {
        $0 + $1.0 * $1.1
      }
    }
    call.noteHostOperation("GatherND")
    let result = indexShape.dropLast() + shape[(batchRank + depth)...]
    return call.results(
      host: HostIndexing.pick(try call.tensor(0), sources, run: length, shape: Array(result)))
  }
}

extension OperatorCall {
  /// The rows of `depth` indices that operand `index` is made of, within `extents`.
  fileprivate func coordinates(_ index: Int, depth: Int, extents: [Int]) throws -> [[Int]] {
    let flat = try integers(index)
    guard depth > 0 else {
      return [[Int]](repeating: [], count: try operand(index).shape.dropLast().reduce(1, *))
    }
    return try stride(from: 0, to: flat.count, by: depth).map { start in
      try (0..<depth).map { axis in
        let place = flat[start + axis]
        guard (-extents[axis]..<extents[axis]).contains(place) else {
          throw invalid("index \(place) is not in an axis of extent \(extents[axis])")
        }
        return place < 0 ? place + extents[axis] : place
      }
    }
  }
}

extension NodeReader {
  /// The attribute `reduction`.
  fileprivate func meeting() throws -> HostIndexing.Meeting {
    try choice(
      "reduction", default: "none",
      ["none": .replace, "add": .add, "mul": .multiply, "max": .maximum, "min": .minimum])
  }
}

/// Elements put in places along an axis.
struct ScatterElements: Operator {
  static let signatures = [
    OperatorSignature("Scatter", since: 9, until: 10, inputs: 3...3, attributes: ["axis": .int]),
    OperatorSignature(
      "ScatterElements", since: 11, inputs: 3...3,
      attributes: ["axis": .int, "reduction": .string]),
  ]

  let axis: Int
  let meeting: HostIndexing.Meeting

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: 0)
    meeting = try node.meeting()
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.tensor(0)
    let updates = try call.tensor(2)
    let axis = try call.axis(axis, rank: x.rank)
    let indexShape = try call.operand(1).shape
    guard x.elementType == updates.elementType, indexShape == updates.shape,
      updates.rank == x.rank,
      x.shape.indices.allSatisfy({ $0 == axis || updates.shape[$0] <= x.shape[$0] })
    else {
      throw call.invalid("updates \(updates) at indices of shape \(indexShape) for an input \(x)")
    }
    call.noteHostOperation("ScatterElements")
    let places = try call.indices(1, extent: x.shape[axis])
    let strides = Shapes.strides(x.shape)
    let targets = zip(Indices(updates.shape), places).map { coordinate, place in
      HostIndexing.offset(of: coordinate, strides, axis: axis, place)
    }
    return call.results(
      host: try HostIndexing.scatter(updates, into: x, at: targets, run: 1, meeting))
  }
}

/// Slices put where their leading coordinates say.
struct ScatterND: Operator {
  static let signatures = [
    OperatorSignature("ScatterND", since: 11, inputs: 3...3, attributes: ["reduction": .string])
  ]

  let meeting: HostIndexing.Meeting

  init(_ node: NodeReader) throws { meeting = try node.meeting() }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.tensor(0)
    let updates = try call.tensor(2)
    let indexShape = try call.operand(1).shape
    guard let depth = indexShape.last, depth <= x.rank, x.elementType == updates.elementType,
      updates.shape == Array(indexShape.dropLast()) + Array(x.shape[depth...])
    else {
      throw call.invalid("updates \(updates) at indices of shape \(indexShape) for an input \(x)")
    }
    call.noteHostOperation("ScatterND")
    let strides = Shapes.strides(x.shape)
    let places = try call.coordinates(1, depth: depth, extents: Array(x.shape[..<depth]))
    let targets = places.map { zip($0, strides).reduce(0) { $0 + $1.0 * $1.1 } }
    return call.results(
      host: try HostIndexing.scatter(
        updates, into: x, at: targets, run: x.shape[depth...].reduce(1, *), meeting))
  }
}

/// The coordinates of the elements that are not zero, one row an axis.
struct NonZero: Operator {
  static let signatures = [OperatorSignature("NonZero", since: 9)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric.union([.bool]))
    call.noteHostOperation("NonZero")
    let x = try call.tensor(0)
    let found = zip(Indices(x.shape), x.doubles()).filter { $0.1 != 0 }.map(\.0)
    let rows = (0..<x.rank).flatMap { axis in found.map { $0[axis] } }
    return call.results(host: .int64(rows, shape: [x.rank, found.count]))
  }
}
