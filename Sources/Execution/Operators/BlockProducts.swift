import Graph
import Operations
import Tensors

/// Attributes of a product with a matrix of codes in blocks, as ONNX Runtime's MatMulNBits has them.
private struct BlockLayout: Sendable {
  static let kinds: [String: OperatorSignature.Kind] = [
    "K": .int, "N": .int, "bits": .int, "block_size": .int, "accuracy_level": .int,
    "weight_prepacked": .int,
  ]

  /// Rows of the matrix.
  let rows: Int
  /// Columns of the matrix.
  let columns: Int
  let bits: Int
  let blockSize: Int

  /// Blocks of a column.
  var blocks: Int { (rows + blockSize - 1) / blockSize }
  /// Bytes of a block.
  var blockBytes: Int { blockSize * bits / 8 }

  init(_ node: NodeReader) throws {
    func extent(_ name: String) throws -> Int {
      let value = try node.required(name, node.int(name))
      guard (1...(1 << 31)).contains(value) else {
        throw node.invalid("attribute '\(name)' is \(value)")
      }
      return value
    }
    rows = try extent("K")
    columns = try extent("N")
    blockSize = try extent("block_size")
    bits = node.int("bits", default: 4)
    guard blockSize >= 16, blockSize & (blockSize - 1) == 0 else {
      throw node.invalid(
        "attribute 'block_size' is \(blockSize), no power of two from 16 on")
    }
    guard [2, 4, 8].contains(bits) else {
      throw node.unsupported("attribute 'bits' is \(bits); 2, 4 and 8 are supported")
    }
    // Levels allow the data to be rounded; float32 is always as exact as asked for.
    guard (0...4).contains(node.int("accuracy_level", default: 0)) else {
      throw node.invalid("attribute 'accuracy_level' is \(node.int("accuracy_level", default: 0))")
    }
    guard node.int("weight_prepacked", default: 0) == 0 else {
      throw node.unsupported("attribute 'weight_prepacked' is not 0: the weights are a GPU's")
    }
  }

  /// The matrix, `[K, N]` in float32, by the operands from `first` on: codes, scales, zero points.
  ///
  /// A weight is `(code - zeroPoint) * scale`, each operation rounded to float32.
  func matrix<B: Backend>(_ call: OperatorCall<B>, from first: Int) throws -> Tensor {
    try call.require(first, in: [.uint8])
    try call.require(first + 1, in: [.float32, .float16, .bfloat16])
    let packed = try call.tensor(first)
    guard Shapes.count([columns, blocks, blockBytes]) == packed.count else {
      throw call.invalid(
        "weights of shape \(packed.shape) for \(columns) columns of \(blocks) blocks of \(blockBytes) bytes"
      )
    }
    let scales = try call.tensor(first + 1).doubles().map { Float($0) }
    guard scales.count == columns * blocks else {
      throw call.invalid("\(scales.count) scales for \(columns) columns of \(blocks) blocks")
    }
    let zeros = try zeroPoints(call, first + 2)
    let perByte = 8 / bits
    let mask = UInt8((1 << bits) - 1)
    return packed.withElements(of: UInt8.self) { bytes in
      Tensor(shape: [rows, columns]) { (elements: UnsafeMutableBufferPointer<Float>) in
        for column in 0..<columns {
          for row in 0..<rows {
            let block = column * blocks + row / blockSize
            let place = row % blockSize
            let byte = bytes[block * blockBytes + place / perByte]
            let code = (byte >> UInt8(place % perByte * bits)) & mask
            elements[row * columns + column] = (Float(code) - zeros[block]) * scales[block]
          }
        }
      }
    }
  }

  /// A zero point for every block: packed as codes are, or as numbers, or the middle code.
  private func zeroPoints<B: Backend>(_ call: OperatorCall<B>, _ index: Int) throws -> [Float] {
    guard call.has(index) else {
      return [Float](repeating: Float(1 << (bits - 1)), count: columns * blocks)
    }
    try call.require(index, in: [.uint8, .float32, .float16, .bfloat16])
    let tensor = try call.tensor(index)
    if tensor.elementType != .uint8 {
      guard tensor.count == columns * blocks else {
        throw call.invalid("\(tensor.count) zero points for \(columns) columns of \(blocks) blocks")
      }
      return tensor.doubles().map { Float($0) }
    }
    let columnBytes = (blocks * bits + 7) / 8
    guard tensor.count == columns * columnBytes else {
      throw call.invalid(
        "zero points in \(tensor.count) bytes for \(columns) columns of \(columnBytes) bytes")
    }
    let bytes = tensor.array(of: UInt8.self)
    let perByte = 8 / bits
    return (0..<columns).flatMap { column in
      (0..<blocks).map { block in
        let byte = bytes[column * columnBytes + block / perByte]
        return Float((byte >> UInt8(block % perByte * bits)) & UInt8((1 << bits) - 1))
      }
    }
  }
}

extension OperatorCall {
  /// The product of operand 0 with a matrix, plus operand `bias` where it is there.
  fileprivate func blockProduct(_ matrix: B.Value, bias index: Int) throws -> B.Value {
    let type = try operand(0).elementType
    let product = try matrixMultiply(
      value(0), type == .float32 ? matrix : backend.cast(matrix, to: type))
    guard let bias = try optional(index) else { return product }
    guard bias.shape == [matrix.shape[1]] else {
      throw invalid("a bias of shape \(bias.shape) for \(matrix.shape[1]) columns")
    }
    return try combine(.add, product, bias)
  }
}

/// Product with a constant matrix of 2, 4 or 8 bits a weight, in blocks along its columns that have
/// their scales and zero points: ONNX Runtime's operator for weights alone.
///
/// The weights are brought to float32, then multiplied as MatMul does.
struct MatMulNBits: Operator {
  static let signatures = [
    OperatorSignature(
      "MatMulNBits", domain: OperatorDomain.microsoft, inputs: 3...6, attributes: BlockLayout.kinds)
  ]

  private let layout: BlockLayout

  init(_ node: NodeReader) throws {
    layout = try BlockLayout(node)
    if node.hasInput(4) {
      throw node.unsupported("input 4, an order of the rows ('g_idx'), is not supported")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.float32, .float16, .bfloat16])
    let matrix = try call.backend.upload(layout.matrix(call, from: 1))
    return call.results(try call.blockProduct(matrix, bias: 5))
  }
}

/// The weights of a MatMulNBits, apart from it so that constant ones are brought to float once.
struct BlockWeights: Operator {
  static let signatures = [
    OperatorSignature(
      "BlockWeights", domain: OperatorDomain.lowBit, inputs: 2...3, attributes: BlockLayout.kinds)
  ]

  private let layout: BlockLayout

  init(_ node: NodeReader) throws { layout = try BlockLayout(node) }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.noteHostOperation("BlockWeights")
    return call.results(host: try layout.matrix(call, from: 0))
  }
}

/// What is left of a MatMulNBits whose weights are floats: data, matrix, bias (optional).
struct BlockProduct: Operator {
  static let signatures = [
    OperatorSignature(
      "BlockProduct", domain: OperatorDomain.lowBit, inputs: 2...3, attributes: BlockLayout.kinds)
  ]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.float32, .float16, .bfloat16])
    return call.results(try call.blockProduct(call.value(1), bias: 2))
  }
}
