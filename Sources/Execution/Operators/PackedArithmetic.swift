import Graph
import Operations
import Tensors

/// 8-bit codes looked up in a table; plain codes along `axis`, or packed ones by `channels`.
struct MapCodes: Operator {
  static let signatures = [
    OperatorSignature(
      "MapCodes", domain: OperatorDomain.lowBit, inputs: 2...2,
      attributes: ["type": .string, "axis": .int, "channels": .int])
  ]

  let type: ElementType
  let axis: Int
  /// Channels of a packed pixel.
  let channels: Int?

  init(_ node: NodeReader) throws {
    type = try node.typeOfCodes("type")
    axis = node.int("axis", default: 1)
    channels = node.int("channels")
    guard CodeTypes.bytes.contains(type) else { throw node.unsupported("codes of type \(type)") }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: CodeTypes.bytes)
    let x = try call.value(0)
    let table = try call.value(1)
    guard x.rank > 0 else {
      let one = try call.backend.reshape(x, to: [1])
      let mapped = try call.backend.mapCodes(one, table: table, to: type, axis: 0, channels: 1)
      return call.results(try call.backend.reshape(mapped, to: []))
    }
    let axis = table.rank == 2 || channels != nil ? try call.axis(axis, rank: x.rank) : 0
    let count = channels ?? x.shape[axis]
    guard table.elementType == .uint8, table.shape == [256] || table.shape == [count, 256],
      count <= x.shape[axis]
    else { throw call.invalid("a table \(table.shape) for \(count) channels of \(x.shape)") }
    return call.results(
      try call.backend.mapCodes(x, table: table, to: type, axis: axis, channels: count))
  }
}

/// What a node says about a ``Operations/CodeScaling``.
extension NodeReader {
  static let scalingKinds: [String: OperatorSignature.Kind] = [
    "result_scale": .float, "result_zero_point": .int, "lowest": .int, "highest": .int,
  ]

  func scaling() throws -> CodeScaling {
    let scaling = CodeScaling(
      scale: try required("result_scale", float("result_scale")),
      zeroPoint: try required("result_zero_point", int("result_zero_point")),
      codes: try codes("", bits: 8))
    guard (0...255).contains(scaling.zeroPoint), scaling.scale > 0 else {
      throw invalid("a scale of \(scaling.scale), zero at \(scaling.zeroPoint)")
    }
    return scaling
  }
}

extension CodeScaling {
  /// The scaling as attributes.
  var attributes: [String: Attribute] {
    [
      "result_scale": .float(scale), "result_zero_point": .int(zeroPoint),
      "lowest": .int(codes.lowerBound), "highest": .int(codes.upperBound),
    ]
  }
}

/// The sum or product of two tensors of packed codes: of floats by the attributes `scale` and
/// `other_scale`, or of integers by `shift` and what goes with it.
struct CombinePacked: Operator {
  static let signatures = ["AddPacked", "MultiplyPacked"].map {
    OperatorSignature(
      $0, domain: OperatorDomain.lowBit, inputs: 2...2,
      attributes: CodeFacts.kinds().merging(CodeFacts.kinds("other_")) { $1 }
        .merging(NodeReader.scalingKinds) { $1 }
        .merging(CodeCombination.kinds) { $1 })
  }

  let combination: CodeCombination
  let facts: CodeFacts
  let other: CodeFacts
  let result: CodeScaling

  init(_ node: NodeReader) throws {
    combination = try node.combination()
    facts = try CodeFacts(node)
    other = try CodeFacts(node, "other_")
    result = try node.scaling()
    guard facts.bits == 8, other.bits == 8, facts.channels == other.channels else {
      throw node.invalid("codes that do not lie alike")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let a = try call.packed(0, facts)
    let b = try call.packed(1, other)
    guard a.shape == b.shape || b.shape == [a.shape[0], a.shape[1], 1, 1] else {
      throw call.invalid("shapes \(a.shape) and \(b.shape) do not fit together")
    }
    return call.results(
      try call.backend.combinePacked(combination, a, b, to: result).bytes)
  }
}

/// Pools of packed codes.
struct PoolPacked: Operator {
  static let signatures = ["MaxPoolPacked", "AveragePoolPacked", "GlobalAveragePoolPacked"].map {
    OperatorSignature(
      $0, domain: OperatorDomain.lowBit,
      attributes: WindowAttributes.attributes.merging(CodeFacts.kinds()) { $1 }
        .merging(NodeReader.scalingKinds) { $1 }
        .merging([
          "scale": .float, "ceil_mode": .int, "count_include_pad": .int, "storage_order": .int,
        ]) { $1 }
        .merging(CodePooling.Function.integerKinds) { $1 })
  }

  let window: WindowAttributes?
  let facts: CodeFacts
  let function: CodePooling.Function

  init(_ node: NodeReader) throws {
    facts = try CodeFacts(node)
    guard facts.bits == 8 else { throw node.invalid("pooling of codes of \(facts.bits) bits") }
    let type = node.node.operatorType
    window = type == "GlobalAveragePoolPacked" ? nil : try WindowAttributes(node)
    guard type != "MaxPoolPacked" else {
      function = .maximum
      return
    }
    if let (factor, roundsHalfUp) = try node.fixedPoint() {
      function = .quotient(
        factor, roundsHalfUp: roundsHalfUp, try node.scaling(),
        countsBorder: node.flag("count_include_pad"))
      return
    }
    let unit = try node.required("scale", node.float("scale"))
    function =
      type == "AveragePoolPacked"
      ? .average(
        unit: unit, try node.scaling(), countsBorder: node.flag("count_include_pad"))
      : .mean(unit: unit, try node.scaling())
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.results(try pool(call.packed(0, facts), call).bytes)
  }

  /// The pool of `x`.
  func pool<B: Backend>(
    _ x: PackedCodes<B.Value>, _ call: OperatorCall<B>
  ) throws -> PackedCodes<B.Value> {
    try CodePooling.pool(function, window, x, call)
  }
}

extension CodePooling {
  /// The pool of `x` over the window that its extents settle, or over whole planes.
  static func pool<B: Backend>(
    _ function: Function, _ window: WindowAttributes?, _ x: PackedCodes<B.Value>,
    _ call: OperatorCall<B>
  ) throws -> PackedCodes<B.Value> {
    let plane = Array(x.shape[2...])
    guard !plane.contains(0) else { throw call.invalid("the input has no elements: \(x.shape)") }
    let (settled, extents) =
      try window?.window(over: plane, call) ?? (Window(kernel: plane), [1, 1])
    try call.requireRoom(for: x.shape.prefix(2) + extents)
    if case .quotient = function,
      settled.kernel.contains(where: { $0 > 1 << 22 }) || settled.kernel.reduce(1, *) > 1 << 22
    {
      throw call.unsupported("an average over \(settled.kernel), more than 4194304 taps")
    }
    return try call.backend.poolPacked(
      x, CodePooling(function, window: settled, outputExtents: extents))
  }
}
