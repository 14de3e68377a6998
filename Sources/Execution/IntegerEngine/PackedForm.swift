import Graph
import Tensors

/// How a value's codes lie when they are packed, and how they become the plain value again.
struct PackedForm: Sendable, Hashable {
  /// The value that holds the packed bytes.
  var name: String
  var facts: CodeFacts
  /// The type of the plain codes.
  var type: ElementType
  /// Dimensions of what unpacking gives: 2 to 4, channels second.
  var rank: Int
  /// For a tensor `[..., C]` packed as rows `[rows, C]`: its shape, for a Reshape.
  var rowsOf: [Int]?

  /// What is added to a plain code before it is stored.
  var offset: Int { type.codeOffset(bits: facts.bits) }
}

extension ElementType {
  /// What is added to a code of this type before it is stored in `bits` bits.
  func codeOffset(bits: Int) -> Int {
    [.int8, .int4, .int2].contains(self) ? 1 << (bits - 1) : 0
  }

  /// All codes of this type as they are stored in 8 bits.
  var storedCodes: ClosedRange<Int> {
    let range = integerRange ?? 0...255
    return range.lowerBound + codeOffset(bits: 8)...range.upperBound + codeOffset(bits: 8)
  }
}

/// A scale and a zero point that are constants, one for a whole tensor.
struct ConstantQuantizer: Sendable, Hashable {
  var scale: Float
  var zeroPoint: Int
  var type: ElementType

  /// The zero point as it is stored in 8 bits.
  var storedZeroPoint: Int { zeroPoint + type.codeOffset(bits: 8) }

  /// Whether the codes take 8 bits.
  var isByte: Bool { CodeTypes.bytes.contains(type) }
}

/// Constants of a graph, also those behind the Cast that files put behind packed codes.
struct GraphConstants {
  private let tensors: [String: Tensor]
  private let casts: [String: String]

  init(_ graph: Graph) {
    tensors = graph.initializers
    casts = graph.nodes.reduce(into: [:]) { casts, node in
      if node.operatorType == "Cast", node.domain.isEmpty, let input = node.inputs.first,
        let output = node.outputs.first
      {
        casts[output] = input
      }
    }
  }

  /// The tensor of an initializer.
  subscript(_ name: String) -> Tensor? { name.isEmpty ? nil : tensors[name] }

  /// Codes of at most 8 bits: of an initializer, or of one that is cast to 8 bits, in its own type.
  func codes(_ name: String) -> Tensor? {
    let tensor = tensors[name] ?? casts[name].flatMap { tensors[$0] }
    guard let tensor, tensor.elementType.bitCount <= 8, CodeTypes.all.contains(tensor.elementType)
    else { return nil }
    return tensor
  }

  /// The numbers of a `float32` tensor of at most one dimension.
  func floats(_ name: String) -> [Float]? {
    guard let tensor = self[name], tensor.elementType == .float32, tensor.rank <= 1,
      tensor.count > 0
    else { return nil }
    return tensor.array(of: Float.self)
  }

  /// The number of a `float32` tensor of one element.
  func number(_ name: String) -> Float? {
    guard let tensor = self[name], tensor.elementType == .float32, tensor.count == 1 else {
      return nil
    }
    return tensor.array(of: Float.self)[0]
  }

  /// One scale and one zero point of codes of at most 8 bits; a zero point that is left out is that of `uint8`.
  func quantizer(_ scale: String, _ zeroPoint: String?) -> ConstantQuantizer? {
    guard let scales = floats(scale), scales.count == 1 else { return nil }
    guard let zeroPoint, !zeroPoint.isEmpty else {
      return ConstantQuantizer(scale: scales[0], zeroPoint: 0, type: .uint8)
    }
    guard let zero = self[zeroPoint], zero.count == 1, CodeTypes.all.contains(zero.elementType),
      zero.elementType.bitCount <= 8
    else { return nil }
    return ConstantQuantizer(
      scale: scales[0], zeroPoint: zero.integers()[0], type: zero.elementType)
  }
}

extension Graph {
  /// What is known about every value, where open dimensions of inputs that have no name count as
  /// dimensions with one: what follows the same input has the same extent.
  func namedValues() throws -> [String: ValueInfo] {
    var named = self
    for index in named.inputs.indices {
      guard let shape = named.inputs[index].shape else { continue }
      named.inputs[index].shape = shape.enumerated().map { axis, dimension in
        dimension == .unknown ? .symbolic("\0\(named.inputs[index].name)[\(axis)]") : dimension
      }
    }
    return try named.inferredValues()
  }
}
