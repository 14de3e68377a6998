import Graph
import Operations
import Tensors

extension OperatorTable {
  /// Operators on codes that lie as integer kernels read them. No file has them: `IntegerNetwork`
  /// writes them.
  static let packedCodes: [any Operator.Type] = [
    PackCodes.self, UnpackCodes.self, SumPacked.self, ConvolvePacked.self, MapCodes.self,
    CombinePacked.self, PoolPacked.self, MovePacked.self,
  ]
}

/// What a node says in its attributes about packed codes that it reads or writes, because the values
/// between nodes are plain tensors of bytes.
struct CodeFacts: Sendable, Hashable {
  /// Channels of a pixel.
  var channels: Int
  /// Bits of a code.
  var bits = 8
  /// The code that stands for zero, unsigned as it is stored.
  var zeroPoint: Int
  /// The largest code that occurs, where it is known.
  var maximum: Int?

  /// The attributes' names and kinds.
  static func kinds(_ prefix: String = "") -> [String: OperatorSignature.Kind] {
    [
      "\(prefix)channels": .int, "\(prefix)bits": .int, "\(prefix)zero_point": .int,
      "\(prefix)maximum": .int,
    ]
  }

  /// The facts as attributes.
  func attributes(_ prefix: String = "") -> [String: Attribute] {
    [
      "\(prefix)channels": .int(channels), "\(prefix)bits": .int(bits),
      "\(prefix)zero_point": .int(zeroPoint),
    ].merging(maximum.map { ["\(prefix)maximum": .int($0)] } ?? [:]) { $1 }
  }

  init(channels: Int, bits: Int = 8, zeroPoint: Int, maximum: Int? = nil) {
    self.maximum = maximum
    self.channels = channels
    self.bits = bits
    self.zeroPoint = zeroPoint
  }

  /// Reads and checks the attributes.
  init(_ node: NodeReader, _ prefix: String = "") throws {
    channels = try node.required("\(prefix)channels", node.int("\(prefix)channels"))
    bits = try node.required("\(prefix)bits", node.int("\(prefix)bits"))
    zeroPoint = try node.required("\(prefix)zero_point", node.int("\(prefix)zero_point"))
    maximum = node.int("\(prefix)maximum")
    guard (1...(1 << 30)).contains(channels), [1, 2, 4, 8].contains(bits),
      (0..<(1 << bits)).contains(zeroPoint)
    else {
      throw node.invalid("codes of \(bits) bits in \(channels) channels, zero at \(zeroPoint)")
    }
  }

  /// How the codes lie.
  var layout: CodeLayout { CodeLayout(channels: channels, bits: bits) }
}

extension NodeReader {
  /// An attribute that is a range of codes of `bits` bits.
  func codes(_ prefix: String, bits: Int) throws -> ClosedRange<Int> {
    let low = try required("\(prefix)lowest", int("\(prefix)lowest"))
    let high = try required("\(prefix)highest", int("\(prefix)highest"))
    guard 0 <= low, low <= high, high < 1 << bits else {
      throw invalid("codes \(low) to \(high) of \(bits) bits")
    }
    return low...high
  }

  /// An attribute that names a type of codes.
  func typeOfCodes(_ name: String) throws -> ElementType {
    let word = try required(name, string(name))
    guard let type = CodeTypes.all.first(where: { "\($0)" == word && $0.byteCount == 1 }) else {
      throw unsupported("attribute '\(name)' is '\(word)'")
    }
    return type
  }
}

extension OperatorCall {
  /// Operand `index` as packed codes.
  func packed(_ index: Int, _ facts: CodeFacts) throws -> PackedCodes<B.Value> {
    let bytes = try value(index)
    guard bytes.elementType == .uint8, bytes.rank == 4, bytes.shape[3] == facts.layout.pixelBytes
    else {
      throw invalid(
        "input \(index), \(bytes.elementType) \(bytes.shape), does not hold \(facts.channels) "
          + "channels of \(facts.bits) bits")
    }
    return PackedCodes(
      bytes, layout: facts.layout, zeroPoint: facts.zeroPoint, maximum: facts.maximum)
  }
}

/// Codes a byte each, channels second, into packed codes.
struct PackCodes: Operator {
  static let signatures = [
    OperatorSignature(
      "PackCodes", domain: OperatorDomain.lowBit, attributes: CodeFacts.kinds())
  ]

  let facts: CodeFacts

  init(_ node: NodeReader) throws { facts = try CodeFacts(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let codes = try call.value(0)
    guard (2...4).contains(codes.rank), codes.shape[1] == facts.channels,
      codes.elementType.byteCount == 1, codes.elementType.bitCount <= 8
    else {
      throw call.invalid(
        "\(codes.elementType) \(codes.shape) is not packed as \(facts.channels) channels")
    }
    let isSigned = [.int8, .int4, .int2].contains(codes.elementType)
    let zeroPoint = facts.zeroPoint - (isSigned ? facts.layout.offset : 0)
    return call.results(
      try call.backend.packCodes(codes, zeroPoint: zeroPoint, bits: facts.bits).bytes)
  }
}

/// Packed codes into codes a byte each, channels second.
struct UnpackCodes: Operator {
  static let signatures = [
    OperatorSignature(
      "UnpackCodes", domain: OperatorDomain.lowBit,
      attributes: CodeFacts.kinds().merging(["type": .string, "rank": .int]) { $1 })
  ]

  let facts: CodeFacts
  let type: ElementType
  let rank: Int

  init(_ node: NodeReader) throws {
    facts = try CodeFacts(node)
    type = try node.typeOfCodes("type")
    rank = try node.required("rank", node.int("rank"))
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let packed = try call.packed(0, facts)
    let shape = try call.plainShape(packed.shape, rank: rank)
    return call.results(try call.backend.unpackCodes(packed, to: type, shape: shape))
  }
}

extension OperatorCall {
  /// `[N, C, H, W]` without the spatial extents of 1 that packing adds to `rank` dimensions.
  func plainShape(_ shape: [Int], rank: Int) throws -> [Int] {
    switch rank {
    case 4: return shape
    case 3 where shape[2] == 1: return [shape[0], shape[1], shape[3]]
    case 2 where shape[2] == 1 && shape[3] == 1: return Array(shape.prefix(2))
    default: throw invalid("\(shape) has no form of \(rank) dimensions")
    }
  }
}
