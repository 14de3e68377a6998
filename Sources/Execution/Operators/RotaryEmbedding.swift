import Graph
import Operations
import Tensors

/// Rotation of pairs of features by angles that depend on the position.
struct RotaryEmbedding: Operator {
  static let signatures = [
    OperatorSignature(
      "RotaryEmbedding", since: 23, inputs: 3...4,
      attributes: ["interleaved": .int, "num_heads": .int, "rotary_embedding_dim": .int])
  ]

  let isInterleaved: Bool
  let heads: Int
  let rotatedSize: Int

  init(_ node: NodeReader) throws {
    isInterleaved = node.flag("interleaved")
    heads = node.int("num_heads", default: 0)
    rotatedSize = node.int("rotary_embedding_dim", default: 0)
    guard heads >= 0, rotatedSize >= 0, rotatedSize % 2 == 0 else {
      throw node.invalid("num_heads \(heads), rotary_embedding_dim \(rotatedSize)")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    try call.requireOneType(0..<3)
    let backend = call.backend
    let shape = try call.operand(0).shape
    let x = try split(call)
    let size = rotatedSize == 0 ? x.shape[3] : rotatedSize
    guard size <= x.shape[3], size % 2 == 0 else {
      throw call.invalid("\(size) of \(x.shape[3]) features cannot be rotated")
    }
    let cosine = try angles(1, x.shape, half: size / 2, call)
    let sine = try angles(2, x.shape, half: size / 2, call)
    let (first, second) = try halves(call.slice(x, axis: 3, from: 0, count: size), call)
    let real = try call.combine(
      .subtract, call.combine(.multiply, cosine, first), call.combine(.multiply, sine, second))
    let imaginary = try call.combine(
      .add, call.combine(.multiply, sine, first), call.combine(.multiply, cosine, second))
    var result = try join(real, imaginary, call)
    if size < x.shape[3] {
      let rest = try call.slice(x, axis: 3, from: size, count: x.shape[3] - size)
      result = try backend.concatenate([result, rest], axis: 3)
    }
    if shape.count == 4 { result = try backend.transpose(result, [0, 2, 1, 3]) }
    return call.results(try backend.reshape(result, to: shape))
  }

  /// The input as `[batch, length, heads, size]`.
  private func split<B: Backend>(_ call: OperatorCall<B>) throws -> B.Value {
    let x = try call.value(0)
    if x.rank == 4 { return try call.backend.transpose(x, [0, 2, 1, 3]) }
    guard x.rank == 3, heads > 0, x.shape[2] % heads == 0 else {
      throw call.invalid("an input of shape \(x.shape) for \(heads) heads")
    }
    return try call.backend.reshape(x, to: [x.shape[0], x.shape[1], heads, x.shape[2] / heads])
  }

  /// Sines or cosines as `[batch, length, 1, half]`, picked by position where positions are given.
  private func angles<B: Backend>(
    _ index: Int, _ shape: [Int], half: Int, _ call: OperatorCall<B>
  ) throws -> B.Value {
    var cache = try call.value(index)
    if call.has(3) {
      let positions = try call.integers(3)
      guard cache.rank == 2, positions.allSatisfy({ (0..<cache.shape[0]).contains($0) }) else {
        throw call.invalid("a position is not in a table of shape \(cache.shape)")
      }
      let indices = Tensor.int64(positions, shape: try call.operand(3).shape)
      cache = try call.backend.gather(cache, indices: call.backend.upload(indices), axis: 0)
    }
    guard cache.shape == [shape[0], shape[1], half] else {
      throw call.invalid("input \(index) gives angles of shape \(cache.shape) for \(shape)")
    }
    return try call.backend.reshape(cache, to: [shape[0], shape[1], 1, half])
  }

  /// The first and the second of every pair.
  private func halves<B: Backend>(
    _ x: B.Value, _ call: OperatorCall<B>
  ) throws -> (B.Value, B.Value) {
    let half = x.shape[3] / 2
    guard isInterleaved else {
      return (
        try call.slice(x, axis: 3, from: 0, count: half),
        try call.slice(x, axis: 3, from: half, count: half)
      )
    }
    func every(from start: Int) throws -> B.Value {
      try call.backend.slice(
        x, starts: [0, 0, 0, start], steps: [1, 1, 1, 2],
        extents: Array(x.shape.dropLast()) + [half])
    }
    return (try every(from: 0), try every(from: 1))
  }

  /// The pairs put back where ``halves`` took them from.
  private func join<B: Backend>(
    _ first: B.Value, _ second: B.Value, _ call: OperatorCall<B>
  ) throws -> B.Value {
    guard isInterleaved else { return try call.backend.concatenate([first, second], axis: 3) }
    let column = first.shape + [1]
    let pairs = try call.backend.concatenate(
      [call.backend.reshape(first, to: column), call.backend.reshape(second, to: column)], axis: 4)
    return try call.backend.reshape(
      pairs, to: Array(first.shape.dropLast()) + [2 * first.shape[3]])
  }
}
