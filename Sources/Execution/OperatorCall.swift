import Graph
import Operations
import Tensors

/// One execution of a node: its operands, the backend, and how to complain.
struct OperatorCall<B: Backend> {
  /// Where the operator computes.
  let backend: B
  /// The node, for messages.
  let label: NodeLabel
  /// The operands; `nil` where an optional one is left out.
  let operands: [Operand<B>?]

  /// A message about this node: a rule is broken.
  func invalid(_ message: String) -> GraphError { .invalid("\(label): \(message)") }

  /// A message about this node: something is not there.
  func unsupported(_ message: String) -> GraphError { .unsupported("\(label): \(message)") }

  /// Whether the optional operand at `index` is there.
  func has(_ index: Int) -> Bool { index < operands.count && operands[index] != nil }

  /// The operand at `index`.
  func operand(_ index: Int) throws -> Operand<B> {
    guard index < operands.count, let operand = operands[index] else {
      throw invalid("input \(index) is left out")
    }
    return operand
  }

  /// The operand at `index` on the backend.
  func value(_ index: Int) throws -> B.Value { try operand(index).value(on: backend) }

  /// The optional operand at `index` on the backend.
  func optional(_ index: Int) throws -> B.Value? { has(index) ? try value(index) : nil }

  /// All operands on the backend.
  func values() throws -> [B.Value] { try operands.indices.map { try value($0) } }

  /// The operand at `index` on the host.
  func tensor(_ index: Int) throws -> Tensor { try operand(index).tensor(from: backend) }

  /// The operand at `index` as integers; it must be of type int64 or int32.
  func integers(_ index: Int) throws -> [Int] {
    let tensor = try tensor(index)
    guard tensor.elementType == .int64 || tensor.elementType == .int32 else {
      throw invalid("input \(index) is of type \(tensor.elementType), not int64")
    }
    return tensor.integers()
  }

  /// The optional operand at `index` as integers.
  func optionalIntegers(_ index: Int) throws -> [Int]? {
    has(index) ? try integers(index) : nil
  }

  /// The single element of the operand at `index`.
  func scalar(_ index: Int) throws -> Double {
    let tensor = try tensor(index)
    guard tensor.count == 1, let value = tensor.doubles().first else {
      throw invalid("input \(index) has shape \(tensor.shape) where one number is expected")
    }
    return value
  }

  /// What an operator returns: values on the backend.
  func results(_ values: B.Value?...) -> [Operand<B>?] {
    values.map { $0.map(Operand.init(value:)) }
  }

  /// What an operator returns: tensors on the host.
  func results(host tensors: Tensor?...) -> [Operand<B>?] { tensors.map { $0.map(Operand.init) } }

  // MARK: Checks

  /// Throws unless the operand at `index` has one of the `types`.
  func require(_ index: Int, in types: Set<ElementType>) throws {
    guard has(index) else { return }
    let type = try operand(index).elementType
    guard types.contains(type) else {
      throw invalid("input \(index) is of type \(type), which the operator does not take")
    }
  }

  /// Throws unless the operands at `indices` that are there have one type; returns it.
  @discardableResult
  func requireOneType(_ indices: some Sequence<Int>) throws -> ElementType {
    let present = indices.filter(has)
    let types = try present.map { try operand($0).elementType }
    guard let first = types.first, types.allSatisfy({ $0 == first }) else {
      throw invalid("inputs \(present) are of types \(types), which should be one")
    }
    return first
  }

  /// The axis that `axis` names in a shape of `rank` dimensions; negative ones count from the end.
  func axis(_ axis: Int, rank: Int) throws -> Int {
    guard (-rank..<rank).contains(axis) else {
      throw invalid("axis \(axis) is not in a tensor of \(rank) dimensions")
    }
    return axis < 0 ? axis + rank : axis
  }

  /// The axes that `axes` names, each once, ascending.
  func axes(_ axes: [Int], rank: Int) throws -> [Int] {
    let found = try axes.map { try axis($0, rank: rank) }
    guard Set(found).count == found.count else {
      throw invalid("axes \(axes) name an axis twice in a tensor of \(rank) dimensions")
    }
    return found.sorted()
  }

  /// Throws unless a tensor of `shape` fits the machine.
  func requireRoom(for shape: [Int]) throws {
    guard Shapes.count(shape) != nil else {
      throw invalid("a tensor of shape \(shape) is too large for this machine")
    }
  }

  /// The shape to which `shapes` broadcast together, as NumPy does.
  func broadcastShape(_ shapes: [[Int]]) throws -> [Int] {
    var result: [Int] = []
    for shape in shapes {
      guard let joined = Shapes.broadcast(result, shape) else {
        throw invalid(
          "shapes \(shapes.map(\.description).joined(separator: " and ")) do not broadcast")
      }
      result = joined
    }
    try requireRoom(for: result)
    return result
  }
}

extension OperatorCall {
  /// Groups of element types that operators take.
  static var floating: Set<ElementType> { [.float32, .float64, .float16, .bfloat16] }
  static var integral: Set<ElementType> {
    [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]
  }
  static var numeric: Set<ElementType> { floating.union(integral) }
}
