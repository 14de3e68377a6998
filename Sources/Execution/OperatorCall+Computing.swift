import Graph
import Operations
import Tensors

/// Steps that many operators share.
extension OperatorCall {
  /// Runs `body` on float32 values in place of 16-bit floating-point ones, and rounds its result to
  /// their type once; other types go through unchanged.
  func inFloat32(
    _ type: ElementType, _ values: [B.Value], _ body: ([B.Value]) throws -> B.Value
  ) throws -> B.Value {
    guard type == .float16 || type == .bfloat16 else { return try body(values) }
    let wide = try values.map { try backend.cast($0, to: .float32) }
    return try backend.cast(try body(wide), to: type)
  }

  /// Throws unless sums of products are computed in `type`.
  func requireProducts(of type: ElementType) throws {
    guard [.float32, .float16, .bfloat16].contains(type) else {
      throw unsupported("type \(type) is not supported; float32, float16 and bfloat16 are")
    }
  }

  /// A number as a scalar of `type` on the backend.
  func constant(_ value: Double, of type: ElementType) throws -> B.Value {
    let tensor =
      type == .float32
      ? Tensor(scalar: Float(value))
      : ReferenceBackend.shared.cast(Tensor(scalar: value), to: type)
    return try backend.upload(tensor)
  }

  /// `function` of two values after a check that they have one type and broadcast.
  func combine(_ function: BinaryFunction, _ a: B.Value, _ b: B.Value) throws -> B.Value {
    guard a.elementType == b.elementType else {
      throw invalid("operands of types \(a.elementType) and \(b.elementType) should have one")
    }
    _ = try broadcastShape([a.shape, b.shape])
    return try backend.combine(function, a, b)
  }

  /// The value at `index` under another shape; what is on the host stays there.
  func reshaped(_ index: Int, to shape: [Int]) throws -> Operand<B> {
    let operand = try operand(index)
    guard Shapes.count(shape) == operand.count else {
      throw invalid("shape \(operand.shape) cannot become \(shape)")
    }
    if operand.isFromHost {
      return Operand(try operand.tensor(from: backend).reshaped(to: shape))
    }
    return Operand(value: try backend.reshape(operand.value(on: backend), to: shape))
  }

  /// `x` of `[C]` as `[1, C, 1, ...]`, so that it broadcasts along axis 1 of a tensor of `rank`.
  func alongChannels(_ x: B.Value, rank: Int) throws -> B.Value {
    var shape = [Int](repeating: 1, count: rank)
    shape[1] = x.count
    return try backend.reshape(x, to: shape)
  }

  /// Counts an operation that every backend leaves to the host.
  func noteHostOperation(_ name: StaticString) {
    (backend as? any HostFallback)?.noteHostOperation(name)
  }

  /// Matrix product in the sense of `numpy.matmul`, shapes checked.
  func matrixMultiply(_ a: B.Value, _ b: B.Value) throws -> B.Value {
    let shapes = try matrixShapes(a.shape, b.shape)
    let left = try backend.reshape(a, to: shapes.a)
    let right = try backend.reshape(b, to: shapes.b)
    let product =
      switch a.elementType {
      case .float32, .float16, .bfloat16:
        try inFloat32(a.elementType, [left, right]) { try backend.matrixMultiply($0[0], $0[1]) }
      default: try sumOfProducts(left, right)
      }
    return try backend.reshape(product, to: shapes.product)
  }

  /// Matrix product of types that backends do not multiply matrices of: all products, then sums.
  private func sumOfProducts(_ a: B.Value, _ b: B.Value) throws -> B.Value {
    let columns = b.shape[b.rank - 1]
    let left = try backend.reshape(a, to: a.shape + [1])
    let right = try backend.reshape(
      b, to: Array(b.shape.dropLast(2)) + [1, b.shape[b.rank - 2], columns])
    let shape = try broadcastShape([left.shape, right.shape])
    let products = try backend.combine(.multiply, left, right)
    let sums = try backend.reduce(.sum, products, axes: [shape.count - 2])
    return try backend.reshape(sums, to: Array(shape.dropLast(2)) + [columns])
  }

  /// The shapes under which `numpy.matmul` multiplies `a` and `b`, and that of the product.
  func matrixShapes(_ a: [Int], _ b: [Int]) throws -> (a: [Int], b: [Int], product: [Int]) {
    guard !a.isEmpty, !b.isEmpty else {
      throw invalid("shapes \(a) and \(b) cannot be multiplied: one is a scalar")
    }
    let left = a.count == 1 ? [1] + a : a
    let right = b.count == 1 ? b + [1] : b
    guard left[left.count - 1] == right[right.count - 2],
      let leading = Shapes.broadcast(Array(left.dropLast(2)), Array(right.dropLast(2)))
    else {
      throw invalid("shapes \(a) and \(b) cannot be multiplied")
    }
    var product = leading
    if a.count > 1 { product.append(left[left.count - 2]) }
    if b.count > 1 { product.append(right[right.count - 1]) }
    try requireRoom(for: product)
    return (left, right, product)
  }
}
