import Graph
import Operations
import Synchronization
import Tensors

/// An operator that moves elements, on packed 8-bit codes.
///
/// The attribute `body` holds the operator as it is on plain tensors, of one node whose inputs are the
/// graph's: the packed parts first (`channels` says how many each has), then constants, which are this
/// node's further inputs; the name `filling` stands for what the operator fills with, the code that the
/// attribute `filling` gives. What it does to numbers of elements says where each code comes from, so
/// that there is one way for all of them.
struct MovePacked: Operator {
  static let signatures = [
    OperatorSignature(
      "MovePacked", domain: OperatorDomain.lowBit, inputs: 1...Int.max, outputs: 1...Int.max,
      attributes: ["body": .graph, "channels": .ints, "rank": .int, "filling": .int])
  ]

  /// The place of an operand of the operator that is filled with.
  static let filling = "filling"

  private let inner: any Operator
  private let label: NodeLabel
  private let node: Node
  private let channels: [Int]
  private let rank: Int
  private let filling: UInt8
  private let known = KnownMovements()

  init(_ node: NodeReader) throws {
    guard case .graph(let body)? = node.node.attributes["body"], body.nodes.count == 1 else {
      throw node.invalid("attribute 'body' is not of one node")
    }
    let reader = try body.reader(of: body.nodes[0])
    inner = try OperatorTable.makeOperator(reader)
    label = reader.label
    self.node = body.nodes[0]
    channels = try node.required("channels", node.ints("channels"))
    rank = try node.required("rank", node.int("rank"))
    guard let code = UInt8(exactly: node.int("filling", default: 0)),
      channels.count <= node.node.inputs.count,
      channels.allSatisfy({ (1...(1 << 30)).contains($0) }),
      self.node.outputs.count == node.node.outputs.count,
      self.node.inputs.count(where: { !$0.isEmpty && $0 != Self.filling })
        == node.node.inputs.count
    else { throw node.invalid("attributes that do not fit its inputs and outputs") }
    filling = code
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let parts = try channels.indices.map {
      try call.packed($0, CodeFacts(channels: channels[$0], zeroPoint: 0))
    }
    // Shapes alone are followed through the operator itself.
    guard !(call.backend is ShapeBackend) else { return try runPlain(parts, call) }
    let shapes = parts.map { $0.shape }
    let found = try known.movements(for: shapes) { try movements(shapes, call) }
    guard let movements = found else { return try runPlain(parts, call) }
    return try movements.map { movement in
      Operand(value: try call.backend.movePacked(parts, movement).bytes)
    }
  }

  // MARK: Where codes come from

  /// A movement for every output; `nil` where addresses are no sums over the axes.
  private func movements<B: Backend>(
    _ shapes: [[Int]], _ call: OperatorCall<B>
  ) throws -> [CodeMovement]? {
    var bases = [0]
    for shape in shapes { bases.append(bases[bases.count - 1] + shape.reduce(1, *)) }
    let pitches = channels.map { CodeLayout(channels: $0).pixelBytes }
    let bytes = zip(shapes, pitches).map { $0[0] * $0[2] * $0[3] * $1 }
    guard bases[shapes.count] <= Int(Int32.max), bytes.allSatisfy({ $0 <= Int(Int32.max) }) else {
      return nil
    }
    let numbers = try shapes.indices.map { part in
      let shape = try call.plainShape(shapes[part], rank: rank)
      return Operand<ReferenceBackend>(
        Tensor((bases[part]..<bases[part + 1]).map { Int32($0) }, shape: shape))
    }
    let others = try call.operands.dropFirst(channels.count).map { operand in
      Operand<ReferenceBackend>(try operand!.tensor(from: call.backend))
    }
    let operands = operands(
      numbers + others, filling: Operand<ReferenceBackend>(Tensor(scalar: Int32(-1))))
    let results = try inner.run(
      OperatorCall(backend: ReferenceBackend.shared, label: label, operands: operands))
    var movements: [CodeMovement] = []
    for result in results {
      guard let tensor = try result?.tensor(from: ReferenceBackend.shared),
        let shape = Self.packedShape(tensor.shape)
      else { return nil }
      let sources = addresses(
        tensor.array(of: Int32.self), bases: bases, shapes: shapes, pitches: pitches)
      guard let movement = CodeMovement(shape: shape, sources: sources, filling: filling) else {
        return nil
      }
      movements.append(movement)
    }
    return movements
  }

  /// For every part, the byte in its memory that each number of an element stands for.
  private func addresses(
    _ numbers: [Int32], bases: [Int], shapes: [[Int]], pitches: [Int]
  ) -> [[Int32]] {
    shapes.indices.map { part in
      let (shape, pitch) = (shapes[part], pitches[part])
      let plane = shape[2] * shape[3]
      return numbers.map { number in
        let element = Int(number) - bases[part]
        guard number >= 0, element >= 0, element < bases[part + 1] - bases[part] else { return -1 }
        let (row, place) = element.quotientAndRemainder(dividingBy: plane)
        let (image, channel) = row.quotientAndRemainder(dividingBy: shape[1])
        return Int32((image * plane + place) * pitch + channel)
      }
    }
  }

  /// The operator's operands in its order.
  private func operands<B: Backend>(
    _ given: [Operand<B>], filling: Operand<B>
  ) -> [Operand<B>?] {
    var rest = given[...]
    return node.inputs.map { name in
      name.isEmpty ? nil : name == Self.filling ? filling : rest.popFirst()
    }
  }

  /// `[N, C, H, W]` for two to four dimensions of plain codes.
  private static func packedShape(_ shape: [Int]) -> [Int]? {
    switch shape.count {
    case 2: shape + [1, 1]
    case 3: [shape[0], shape[1], 1, shape[2]]
    case 4: shape
    default: nil
    }
  }

  // MARK: By way of plain codes

  private func runPlain<B: Backend>(
    _ parts: [PackedCodes<B.Value>], _ call: OperatorCall<B>
  ) throws -> [Operand<B>?] {
    let codes = try parts.map { part in
      Operand<B>(
        value: try call.backend.unpackCodes(
          part, to: .uint8, shape: call.plainShape(part.shape, rank: rank)))
    }
    let others = call.operands.dropFirst(channels.count).map { operand in operand! }
    let operands = operands(codes + others, filling: Operand<B>(Tensor(scalar: filling)))
    let results = try inner.run(
      OperatorCall(backend: call.backend, label: label, operands: operands))
    return try results.map { result in
      guard let value = try result?.value(on: call.backend) else { return nil }
      guard (2...4).contains(value.rank) else {
        throw call.invalid("a result of shape \(value.shape) is not packed")
      }
      return Operand(value: try call.backend.packCodes(value, zeroPoint: 0, bits: 8).bytes)
    }
  }
}

/// The movements of one node by the shapes of its parts.
private final class KnownMovements: Sendable {
  private let entries = Mutex<[[[Int]]: [CodeMovement]?]>([:])

  func movements(
    for shapes: [[Int]], make: () throws -> [CodeMovement]?
  ) rethrows -> [CodeMovement]? {
    if let known = entries.withLock({ $0[shapes] }) { return known }
    let made = try make()
    entries.withLock { entries in
      // A few shapes occur: batches, and the last one of them.
      if entries.count >= 16 { entries = [:] }
      entries[shapes] = .some(made)
    }
    return made
  }
}
