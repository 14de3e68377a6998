import Glibc
import Graph
import Operations
import Tensors

/// Scaled dot-product attention with a cache, a mask, a soft cap, and heads that share keys.
struct Attention: Operator {
  static let signatures = [
    OperatorSignature(
      "Attention", since: 23, inputs: 3...7, outputs: 1...4,
      attributes: [
        "is_causal": .int, "kv_num_heads": .int, "q_num_heads": .int,
        "qk_matmul_output_mode": .int, "scale": .float, "softcap": .float,
        "softmax_precision": .int,
      ])
  ]

  let isCausal: Bool
  let queryHeads: Int?
  let keyHeads: Int?
  let productMode: Int
  let scale: Float?
  let softcap: Float

  init(_ node: NodeReader) throws {
    isCausal = node.flag("is_causal")
    queryHeads = node.int("q_num_heads")
    keyHeads = node.int("kv_num_heads")
    productMode = node.int("qk_matmul_output_mode", default: 0)
    scale = node.float("scale")
    softcap = node.float("softcap", default: 0)
    guard (0...3).contains(productMode) else {
      throw node.invalid("attribute 'qk_matmul_output_mode' is \(productMode)")
    }
    guard [queryHeads ?? 1, keyHeads ?? 1].allSatisfy({ $0 > 0 }) else {
      throw node.invalid("a number of heads is not positive")
    }
    guard node.hasInput(4) == node.hasInput(5) else {
      throw node.invalid("past_key and past_value are given together or not at all")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: OperatorCall<B>.floating)
    let type = try call.requireOneType(0..<3)
    let backend = call.backend
    let rank = try call.operand(0).shape.count
    let query = try heads(0, queryHeads, call)
    var key = try heads(1, keyHeads, call)
    var value = try heads(2, keyHeads, call)
    let pastLength = call.has(4) ? try call.operand(4).shape.dropLast().last ?? 0 : 0
    if call.has(4) { key = try Concat.concatenate([call.value(4), key], axis: 2, call) }
    if call.has(5) { value = try Concat.concatenate([call.value(5), value], axis: 2, call) }
    let present = (key, value)
    key = try shared(key, by: query.shape[1], call)
    value = try shared(value, by: query.shape[1], call)
    let root = Double((scale ?? 1 / Float(query.shape[3]).squareRoot()).squareRoot())
    let factor = try call.constant(root, of: type)
    var product = try call.matrixMultiply(
      backend.combine(.multiply, query, factor),
      backend.transpose(backend.combine(.multiply, key, factor), [0, 1, 3, 2]))
    var captured = product
    if softcap > 0 {
      let cap = try call.constant(Double(softcap), of: type)
      let bounded = try backend.map(
        .hyperbolicTangent, backend.combine(.divide, product, cap))
      product = try backend.combine(.multiply, bounded, cap)
      captured = product
    }
    let bias = try bias(product, type, pastLength: pastLength, call)
    if let bias { product = try call.combine(.add, product, bias) }
    if productMode == 2 { captured = product }
    var weights = try backend.softmax(product, axis: 3, logarithm: false)
    if let bias { weights = try zeroMasked(weights, bias, type, call) }
    if productMode == 3 { captured = weights }
    var result = try call.matrixMultiply(weights, value)
    if rank == 3 {
      result = try backend.transpose(result, [0, 2, 1, 3])
      result = try backend.reshape(
        result, to: [result.shape[0], result.shape[1], result.shape[2] * result.shape[3]])
    }
    return call.results(result, present.0, present.1, captured)
  }

  /// An operand as `[batch, heads, length, size]`.
  private func heads<B: Backend>(
    _ index: Int, _ count: Int?, _ call: OperatorCall<B>
  ) throws -> B.Value {
    let value = try call.value(index)
    if value.rank == 4 { return value }
    guard value.rank == 3, let count, value.shape[2] % count == 0 else {
      throw call.invalid(
        "input \(index) of shape \(value.shape) for \(count.map(String.init) ?? "no number of") heads"
      )
    }
    let split = [value.shape[0], value.shape[1], count, value.shape[2] / count]
    return try call.backend.transpose(call.backend.reshape(value, to: split), [0, 2, 1, 3])
  }

  /// Every head repeated so that there is one for each query head.
  private func shared<B: Backend>(
    _ x: B.Value, by count: Int, _ call: OperatorCall<B>
  ) throws -> B.Value {
    let shape = x.shape
    guard shape.count == 4, shape[1] > 0, count % shape[1] == 0 else {
      throw call.invalid("\(count) query heads cannot share keys or values of shape \(shape)")
    }
    guard count != shape[1] else { return x }
    let size = shape[2] * shape[3]
    let single = try call.backend.reshape(x, to: [shape[0] * shape[1], 1, size])
    let repeated = try call.backend.broadcast(
      single, to: [shape[0] * shape[1], count / shape[1], size])
    return try call.backend.reshape(repeated, to: [shape[0], count, shape[2], shape[3]])
  }

  /// What is added to the products: the mask, -infinity for keys after the query's own, and for the
  /// padding that input 6 tells.
  private func bias<B: Backend>(
    _ product: B.Value, _ type: ElementType, pastLength: Int, _ call: OperatorCall<B>
  ) throws -> B.Value? {
    var bias = try mask(keys: product.shape[3], type, call)
    let lengths = try call.optionalIntegers(6)
    let (queries, keys) = (product.shape[2], product.shape[3])
    if let lengths,
      lengths.count != product.shape[0] || !lengths.allSatisfy({ (0...keys).contains($0) })
    {
      throw call.invalid("lengths \(lengths) for products of shape \(product.shape)")
    }
    guard isCausal || lengths != nil else { return bias }
    let batches = lengths?.count ?? 1
    var allowed = [Bool](repeating: true, count: batches * queries * keys)
    for batch in 0..<batches {
      let length = lengths?[batch] ?? keys
      let offset = pastLength == 0 && lengths != nil ? length - queries : pastLength
      for query in 0..<queries {
        for key in 0..<keys where key >= length || isCausal && key > query + offset {
          allowed[(batch * queries + query) * keys + key] = false
        }
      }
    }
    let marks = try call.backend.upload(Tensor(allowed, shape: [batches, 1, queries, keys]))
    let window = try call.backend.select(
      marks, call.constant(0, of: type), call.constant(-.infinity, of: type))
    bias = try bias.map { try call.combine(.add, $0, window) } ?? window
    return bias
  }

  /// The mask as something to add, as wide as there are keys.
  private func mask<B: Backend>(
    keys: Int, _ type: ElementType, _ call: OperatorCall<B>
  ) throws -> B.Value? {
    guard var mask = try call.optional(3) else { return nil }
    guard mask.elementType == type || mask.elementType == .bool, let width = mask.shape.last,
      width <= keys || width == 1
    else {
      throw call.invalid(
        "a mask of type \(mask.elementType) and shape \(mask.shape) for \(keys) keys")
    }
    let isBoolean = mask.elementType == .bool
    if width < keys, width > 0 {
      var padding = Padding(
        before: mask.shape.map { _ in 0 }, after: mask.shape.map { _ in 0 },
        mode: .constant(isBoolean ? 0 : -.infinity))
      padding.after[mask.rank - 1] = keys - width
      mask = try call.backend.pad(mask, padding)
    }
    guard isBoolean else { return mask }
    return try call.backend.select(
      mask, call.constant(0, of: type), call.constant(-.infinity, of: type))
  }

  /// Zero in the rows in which the bias allows no key.
  private func zeroMasked<B: Backend>(
    _ weights: B.Value, _ bias: B.Value, _ type: ElementType, _ call: OperatorCall<B>
  ) throws -> B.Value {
    let best = try call.backend.reduce(.maximum, bias, axes: [bias.rank - 1])
    let isMasked = try call.backend.combine(.equal, best, call.constant(-.infinity, of: type))
    return try call.backend.select(isMasked, call.constant(0, of: type), weights)
  }
}
