import Graph
import Operations
import Tensors

extension OperatorTable {
  static let selections: [any Operator.Type] = [
    Where.self, Cast.self, TopK.self, Trilu.self, CumulativeSum.self, OneHot.self,
  ]
}

/// Elements of one tensor or another.
struct Where: Operator {
  static let signatures = [OperatorSignature("Where", since: 9, inputs: 3...3)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.bool])
    try call.requireOneType(1..<3)
    let values = try call.values()
    _ = try call.broadcastShape(values.map(\.shape))
    return call.results(try call.backend.select(values[0], values[1], values[2]))
  }
}

/// Conversion to the type that an attribute names, or to that of another tensor.
struct Cast: Operator {
  static let signatures = [
    OperatorSignature("Cast", attributes: ["round_mode": .string, "saturate": .int, "to": .int]),
    OperatorSignature(
      "CastLike", since: 15, inputs: 2...2, attributes: ["round_mode": .string, "saturate": .int]),
  ]

  let target: ElementType?

  init(_ node: NodeReader) throws {
    guard node.node.operatorType == "Cast" else {
      target = nil
      return
    }
    let code = try node.required("to", node.int("to"))
    guard let type = ElementType(onnxCode: code) else {
      throw node.unsupported("ONNX element type \(code) is not supported")
    }
    target = type
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let operand = try call.operand(0)
    let target = try target ?? call.operand(1).elementType
    guard operand.elementType != target else { return [operand] }
    if target.bitCount < 8, operand.elementType.isFloatingPoint {
      // ONNX keeps the low bits of what does not fit 4 or 2 bits.
      let whole = try call.backend.cast(call.value(0), to: .int32)
      return call.results(try call.backend.cast(whole, to: target))
    }
    return call.results(try call.backend.cast(call.value(0), to: target))
  }
}

extension ElementType {
  /// The type that ONNX's `TensorProto.DataType` numbers so, if it is supported.
  init?(onnxCode: Int) {
    let types: [Int: ElementType] = [
      1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool,
      10: .float16, 11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16, 21: .uint4, 22: .int4,
      25: .uint2, 26: .int2,
    ]
    guard let type = types[onnxCode] else { return nil }
    self = type
  }
}

/// The largest or smallest elements along an axis: `k` is an attribute up to operator set 9.
struct TopK: Operator {
  static let signatures = [
    OperatorSignature("TopK", until: 9, outputs: 2...2, attributes: ["axis": .int, "k": .int]),
    OperatorSignature(
      "TopK", since: 10, inputs: 2...2, outputs: 2...2,
      attributes: ["axis": .int, "largest": .int, "sorted": .int]),
  ]

  let axis: Int
  let count: Int?
  let isLargest: Bool

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: -1)
    count = node.int("k")
    isLargest = node.flag("largest", default: true)
    if node.opset < 10 { _ = try node.required("k", count) }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    call.noteHostOperation("TopK")
    let x = try call.tensor(0)
    let axis = try call.axis(axis, rank: x.rank)
    let wanted = try count.map { [$0] } ?? call.integers(1)
    guard wanted.count == 1, let count = wanted.first, (0...x.shape[axis]).contains(count) else {
      throw call.invalid("k is \(wanted) for axis \(axis) of shape \(x.shape)")
    }
    let places = HostSelection.top(count, of: x, axis: axis, isLargest: isLargest)
    return call.results(
      host: HostIndexing.gatherElements(x, places.integers(), shape: places.shape, axis: axis),
      places)
  }
}

/// One triangle of every matrix, zero elsewhere.
struct Trilu: Operator {
  static let signatures = [
    OperatorSignature("Trilu", since: 14, inputs: 1...2, attributes: ["upper": .int])
  ]

  let isUpper: Bool

  init(_ node: NodeReader) { isUpper = node.flag("upper", default: true) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    guard x.rank >= 2 else { throw call.invalid("the input has shape \(x.shape), no matrices") }
    let diagonal = call.has(1) ? try call.scalar(1) : 0
    let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
    let kept = (0..<(rows * columns)).map { index in
      let distance = Double(index % columns - index / columns)
      return isUpper ? distance >= diagonal : distance <= diagonal
    }
    let mask = try call.backend.upload(Tensor(kept, shape: [rows, columns]))
    let zero = try call.constant(0, of: x.elementType)
    return call.results(try call.backend.select(mask, x, zero))
  }
}

/// Sums of everything up to an element along an axis.
struct CumulativeSum: Operator {
  static let signatures = [
    OperatorSignature(
      "CumSum", since: 11, inputs: 2...2, attributes: ["exclusive": .int, "reverse": .int])
  ]

  let excludesItself: Bool
  let isReversed: Bool

  init(_ node: NodeReader) {
    excludesItself = node.flag("exclusive")
    isReversed = node.flag("reverse")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(
      0, in: [.float32, .float64, .float16, .bfloat16, .int32, .int64, .uint32, .uint64])
    call.noteHostOperation("CumSum")
    let x = try call.tensor(0)
    let named = try call.integers(1)
    guard named.count == 1 else { throw call.invalid("axis \(named) is not one number") }
    let axis = try call.axis(named[0], rank: x.rank)
    return call.results(
      host: try HostScan.sums(x, axis: axis, excludesItself: excludesItself, isReversed: isReversed)
    )
  }
}

/// Two values: one where an index says so, another elsewhere.
struct OneHot: Operator {
  static let signatures = [
    OperatorSignature("OneHot", since: 9, inputs: 3...3, attributes: ["axis": .int])
  ]

  let axis: Int

  init(_ node: NodeReader) { axis = node.int("axis", default: -1) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.numeric)
    call.noteHostOperation("OneHot")
    let indices = try call.tensor(0)
    let depth = try call.scalar(1)
    guard (0...0x1p40).contains(depth), try call.operand(2).shape == [2] else {
      throw call.invalid("depth \(depth) and values of shape \(try call.operand(2).shape)")
    }
    let extent = Int(depth)
    let axis = try call.axis(axis, rank: indices.rank + 1)
    var shape = indices.shape
    shape.insert(extent, at: axis)
    try call.requireRoom(for: shape)
    let places = indices.doubles().map { place in
      // What is out of range, or not a number, marks nothing.
      guard abs(place) <= depth else { return -1 }
      return place < 0 ? Int(place) + extent : Int(place)
    }
    let marks = try call.backend.upload(
      HostSelection.oneHot(places, extent: extent, shape: shape, axis: axis))
    let values = try call.value(2)
    let off = try call.backend.reshape(call.slice(values, axis: 0, from: 0, count: 1), to: [])
    let on = try call.backend.reshape(call.slice(values, axis: 0, from: 1, count: 1), to: [])
    return call.results(try call.backend.select(marks, on, off))
  }
}
