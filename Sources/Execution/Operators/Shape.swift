import Graph
import Operations
import Tensors

extension OperatorTable {
  static let shapes: [any Operator.Type] = [
    Reshape.self, Flatten.self, Squeeze.self, Unsqueeze.self, ShapeOf.self, Size.self,
    Identity.self, Dropout.self, Expand.self,
  ]
}

/// A new shape: 0 copies an extent unless `allowzero`, -1 takes what is left.
struct Reshape: Operator {
  static let signatures = [
    OperatorSignature("Reshape", inputs: 2...2, attributes: ["allowzero": .int])
  ]

  let allowsZero: Bool

  init(_ node: NodeReader) { allowsZero = node.flag("allowzero") }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let old = try call.operand(0).shape
    let wanted = try call.integers(1)
    let mismatch = call.invalid("shape \(old) cannot become \(wanted)")
    var shape = wanted
    for (axis, extent) in wanted.enumerated() where extent == 0 && !allowsZero {
      guard axis < old.count else { throw mismatch }
      shape[axis] = old[axis]
    }
    guard shape.allSatisfy({ $0 >= -1 }), shape.count(where: { $0 == -1 }) <= 1 else {
      throw mismatch
    }
    if let open = shape.firstIndex(of: -1) {
      shape[open] = 1
      guard let known = Shapes.count(shape), let total = Shapes.count(old), known > 0,
        total % known == 0
      else { throw mismatch }
      shape[open] = total / known
    }
    return [try call.reshaped(0, to: shape)]
  }
}

/// A matrix: the axes before `axis` are joined, and those from it on.
struct Flatten: Operator {
  static let signatures = [OperatorSignature("Flatten", attributes: ["axis": .int])]

  let axis: Int

  init(_ node: NodeReader) { axis = node.int("axis", default: 1) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let axis = axis == shape.count ? axis : try call.axis(axis, rank: shape.count)
    return [
      try call.reshaped(0, to: [shape[..<axis].reduce(1, *), shape[axis...].reduce(1, *)])
    ]
  }
}

/// Axes of extent 1 removed: an attribute up to operator set 12, an input since.
struct Squeeze: Operator {
  static let signatures = [
    OperatorSignature("Squeeze", until: 12, attributes: ["axes": .ints]),
    OperatorSignature("Squeeze", since: 13, inputs: 1...2),
  ]

  let axes: [Int]?

  init(_ node: NodeReader) { axes = node.ints("axes") }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let named = try call.optionalIntegers(1) ?? axes
    let removed =
      try named.map { try call.axes($0, rank: shape.count) }
      ?? shape.indices.filter { shape[$0] == 1 }
    guard removed.allSatisfy({ shape[$0] == 1 }) else {
      throw call.invalid("axes \(removed) of shape \(shape) are not all of extent 1")
    }
    return [
      try call.reshaped(0, to: shape.indices.filter { !removed.contains($0) }.map { shape[$0] })
    ]
  }
}

/// Axes of extent 1 put in: an attribute up to operator set 12, an input since.
struct Unsqueeze: Operator {
  static let signatures = [
    OperatorSignature("Unsqueeze", until: 12, attributes: ["axes": .ints]),
    OperatorSignature("Unsqueeze", since: 13, inputs: 2...2),
  ]

  let axes: [Int]?

  init(_ node: NodeReader) throws {
    axes = node.ints("axes")
    if node.opset < 13, axes == nil { throw node.invalid("attribute 'axes' is missing") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let named = try call.optionalIntegers(1) ?? axes ?? []
    let added = try call.axes(named, rank: shape.count + named.count)
    var rest = shape.makeIterator()
    let result = (0..<(shape.count + named.count)).map { axis in
      added.contains(axis) ? 1 : rest.next() ?? 1
    }
    return [try call.reshaped(0, to: result)]
  }
}

/// The shape, or a part of it, as a tensor.
struct ShapeOf: Operator {
  static let signatures = [
    OperatorSignature("Shape", attributes: ["end": .int, "start": .int])
  ]

  let start: Int
  let end: Int?

  init(_ node: NodeReader) {
    start = node.int("start", default: 0)
    end = node.int("end")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let shape = try call.operand(0).shape
    let rank = shape.count
    func bounded(_ index: Int) -> Int { min(max(index < 0 ? index + rank : index, 0), rank) }
    let (first, last) = (bounded(start), bounded(end ?? rank))
    return call.results(host: .int64(first < last ? Array(shape[first..<last]) : []))
  }
}

/// The number of elements.
struct Size: Operator {
  static let signatures = [OperatorSignature("Size")]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.results(host: .int64([try call.operand(0).count], shape: []))
  }
}

/// The value itself.
struct Identity: Operator {
  static let signatures = [OperatorSignature("Identity")]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] { [try call.operand(0)] }
}

/// Inference: the value itself, and a mask that keeps everything, of the value's type up to operator
/// set 9 and `bool` since.
struct Dropout: Operator {
  static let signatures = [
    OperatorSignature("Dropout", until: 11, outputs: 1...2, attributes: ["ratio": .float]),
    OperatorSignature(
      "Dropout", since: 12, inputs: 1...3, outputs: 1...2, attributes: ["seed": .int]),
  ]

  let wantsMask: Bool
  let maskIsBoolean: Bool

  init(_ node: NodeReader) {
    wantsMask = node.hasOutput(1)
    maskIsBoolean = node.opset >= 10
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let operand = try call.operand(0)
    try call.require(2, in: [.bool])
    if call.has(2), try call.tensor(2).integers() != [0] {
      // Training with nothing to drop is inference.
      guard call.has(1), try call.scalar(1) == 0 else {
        throw call.unsupported("training mode is not supported")
      }
    }
    guard wantsMask else { return [operand] }
    let mask = Tensor(repeating: true, shape: operand.shape)
    return [
      operand,
      Operand(
        maskIsBoolean ? mask : ReferenceBackend.shared.cast(mask, to: operand.elementType)),
    ]
  }
}

/// Repetition along axes of extent 1; broadcasts both ways.
struct Expand: Operator {
  static let signatures = [OperatorSignature("Expand", since: 8, inputs: 2...2)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.value(0)
    let wanted = try call.integers(1)
    guard wanted.allSatisfy({ $0 >= 0 }) else { throw call.invalid("shape \(wanted) is negative") }
    let shape = try call.broadcastShape([x.shape, wanted])
    return call.results(try call.backend.broadcast(x, to: shape))
  }
}
