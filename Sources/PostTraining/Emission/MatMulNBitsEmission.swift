import Graph
import Quantization
import Tensors

extension Emitter {
  /// Writes the graph with ONNX Runtime's MatMulNBits for products with constant matrices; other layers
  /// with weights as for ``emitQDQ()``.
  mutating func emitMatMulNBits() -> Graph {
    for (number, node) in index.nodes.enumerated() {
      if plan.weights[number] == nil {
        emitFloat(node)
      } else if let product = blockProduct(number) {
        emit(product, node, number)
      } else {
        emitWeighted(node, number)
      }
    }
    return finish()
  }

  /// The weights of a node as MatMulNBits has them; `nil` where they are no matrix.
  private func blockProduct(_ number: Int) -> BlockProduct? {
    guard let weights = model.weights[number], let axis = weights.axis,
      let groupSize = weights.groupSize, weights.codes.rank == 2,
      ["Gemm", "MatMul"].contains(index.nodes[number].operatorType)
    else { return nil }
    return BlockProduct(
      weights, axis: axis, groupSize: groupSize,
      hasZeroPoints: plan.weights[number]?.hasZeroPoints ?? false)
  }

  private mutating func emit(_ product: BlockProduct, _ node: Node, _ number: Int) {
    guard let name = plan.weights[number]?.name else { preconditionFailure("no weights") }
    var operands = [
      float(node.inputs[0]), builder.constant(product.codes, "\(name)_quantized"),
      builder.constant(product.scales, "\(name)_scale"),
      product.zeroPoints.map { builder.constant($0, "\(name)_zero_point") } ?? "",
    ]
    if let bias = model.biases[number] {
      operands += ["", builder.constant(Tensor(bias), "\(biasName(number))_corrected")]
    } else if operands.last == "" {
      operands.removeLast()
    }
    var copy = node
    copy.operatorType = "MatMulNBits"
    copy.domain = OperatorDomain.microsoft
    copy.attributes = product.attributes
    emitFloat(copy, operands: operands)
  }
}

/// A constant matrix in the form of ONNX Runtime's MatMulNBits.
///
/// The matrix has N columns of K weights. Column by column it lies in blocks of `blockSize` weights, each in
/// `blockSize * bits / 8` bytes, the first weight in the lowest bits. Codes are unsigned; without zero points
/// `1 << (bits - 1)` stands for 0, which also fills the last block up. Zero points lie as codes do, those
/// of a column from a new byte on.
struct BlockProduct {
  let codes: Tensor
  let scales: Tensor
  let zeroPoints: Tensor?
  let attributes: [String: Attribute]

  /// - Parameters:
  ///   - weights: Codes of a matrix.
  ///   - axis: The axis of its columns.
  ///   - groupSize: How many weights of a column share a scale, a power of two. Where a column is one
  ///     group, its block is no longer than need be.
  init(_ weights: QuantizedWeights, axis: Int, groupSize: Int, hasZeroPoints: Bool) {
    let bits = weights.codes.elementType.bitCount
    let columns = weights.codes.shape[axis]
    let rows = weights.codes.shape[1 - axis]
    var blockSize = groupSize
    while blockSize / 2 >= max(rows, WeightOnlySettings.blockSizes[0]) { blockSize /= 2 }
    let blocks = (rows + blockSize - 1) / blockSize
    let middle = 1 << (bits - 1)
    let signed = weights.codes.array(of: Int8.self)
    var packed: [UInt8] = []
    packed.reserveCapacity(columns * blocks * blockSize * bits / 8)
    var zeros: [UInt8] = []
    for column in 0..<columns {
      let own = weights.quantizers[column * blocks..<(column + 1) * blocks].map {
        hasZeroPoints ? $0.signedZeroPoint + middle : middle
      }
      packed += Self.packed(count: blocks * blockSize, bits: bits) { row in
        guard row < rows else { return own[row / blockSize] }
        return Int(signed[axis == 0 ? column * rows + row : row * columns + column]) + middle
      }
      if hasZeroPoints { zeros += Self.packed(count: blocks, bits: bits) { own[$0] } }
    }
    codes = Tensor(packed, shape: [columns, blocks, blockSize * bits / 8])
    scales = Tensor(weights.scales, shape: [columns, blocks])
    zeroPoints =
      hasZeroPoints ? Tensor(zeros, shape: [columns, zeros.count / max(columns, 1)]) : nil
    attributes = [
      "K": .int(rows), "N": .int(columns), "bits": .int(bits), "block_size": .int(blockSize),
    ]
  }

  /// Codes in as few bytes as hold them, the first in the lowest bits.
  private static func packed(count: Int, bits: Int, _ code: (Int) -> Int) -> [UInt8] {
    let perByte = 8 / bits
    var bytes = [UInt8](repeating: 0, count: (count + perByte - 1) / perByte)
    for index in 0..<count {
      bytes[index / perByte] |= UInt8(code(index)) << UInt8(index % perByte * bits)
    }
    return bytes
  }
}
