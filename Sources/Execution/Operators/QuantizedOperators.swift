import Graph
import Operations
import Tensors

extension OperatorTable {
  static let quantizedOperators: [any Operator.Type] = [
    QLinearElementwise.self, QLinearPool.self, QLinearConcat.self, QLinearSoftmax.self, QGemm.self,
  ]
}

extension OperatorCall {
  /// Operands `index`, `index + 1` and `index + 2`, which are codes, a scale and a zero point, as
  /// float32.
  func dequantized(_ index: Int) throws -> B.Value {
    try require(index, in: CodeTypes.bytes)
    try requireOneType([index, index + 2])
    return try backend.dequantize(
      value(index), scale: backend.upload(Tensor(scalar: scaleNumber(index + 1))),
      zeroPoint: has(index + 2) ? scalarOperand(index + 2) : nil, layout: .tensor)
  }

  /// Codes of `x` by the scale and the zero point that are operands `index` and `index + 1`.
  func quantized(_ x: B.Value, by index: Int, type: ElementType? = nil) throws -> [Operand<B>?] {
    try require(index + 1, in: CodeTypes.bytes)
    let zeroPoint = has(index + 1) ? try scalarOperand(index + 1) : nil
    return results(
      try backend.quantize(
        x, scale: backend.upload(Tensor(scalar: scaleNumber(index))), zeroPoint: zeroPoint,
        layout: .tensor, to: zeroPoint?.elementType ?? type ?? .uint8))
  }
}

/// ONNX Runtime's element-wise operators on codes: dequantize, compute in float32, quantize.
struct QLinearElementwise: Operator {
  static let signatures = [
    OperatorSignature("QLinearAdd", domain: "com.microsoft", inputs: 7...8),
    OperatorSignature("QLinearMul", domain: "com.microsoft", inputs: 7...8),
    OperatorSignature("QLinearSigmoid", domain: "com.microsoft", inputs: 4...5, required: 2),
    OperatorSignature(
      "QLinearLeakyRelu", domain: "com.microsoft", inputs: 4...5, required: 2,
      attributes: ["alpha": .float]),
  ]

  private enum Function: Sendable {
    case unary(UnaryFunction)
    case binary(BinaryFunction)
  }

  private let function: Function

  init(_ node: NodeReader) {
    function =
      switch node.node.operatorType {
      case "QLinearAdd": .binary(.add)
      case "QLinearMul": .binary(.multiply)
      case "QLinearSigmoid": .unary(.sigmoid)
      default: .unary(.leakyRelu(alpha: node.float("alpha", default: 0.01)))
      }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let x = try call.dequantized(0)
    let type = try call.operand(0).elementType
    switch function {
    case .unary(let function):
      return try call.quantized(call.backend.map(function, x), by: 3, type: type)
    case .binary(let function):
      return try call.quantized(
        call.combine(function, x, call.dequantized(3)), by: 6, type: type)
    }
  }
}

/// ONNX Runtime's average pools of codes.
struct QLinearPool: Operator {
  static let signatures = [
    OperatorSignature(
      "QLinearAveragePool", domain: "com.microsoft", inputs: 4...5, required: 2,
      attributes: WindowAttributes.attributes.merging(
        ["ceil_mode": .int, "channels_last": .int, "count_include_pad": .int]) { $1 }),
    OperatorSignature(
      "QLinearGlobalAveragePool", domain: "com.microsoft", inputs: 4...5, required: 2,
      attributes: ["channels_last": .int]),
  ]

  let pool: AveragePool?
  let channelsLast: Bool

  init(_ node: NodeReader) throws {
    pool = node.node.operatorType == "QLinearAveragePool" ? try AveragePool(node) : nil
    channelsLast = node.flag("channels_last")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let backend = call.backend
    try call.require(0, in: CodeTypes.bytes)
    try call.requireOneType([0, 2, 4])
    _ = try call.spatialExtents()
    var x = try call.value(0)
    let rank = x.rank
    guard rank <= 4 else {
      throw call.unsupported("\(rank - 2) spatial dimensions are not supported; 1 and 2 are")
    }
    let toFront = [0, rank - 1] + Array(1..<(rank - 1))
    if channelsLast { x = try backend.transpose(x, toFront) }
    let packed = try backend.packCodes(x, zeroPoint: code(2, call), bits: 8)
    let offset = x.elementType == .int8 ? 128 : 0
    let result = CodeScaling(
      scale: try call.scaleNumber(3), zeroPoint: try code(4, call) + offset)
    let unit = try call.scaleNumber(1)
    let pooled = try CodePooling.pool(
      pool.map { .average(unit: unit, result, countsBorder: $0.countsBorder) }
        ?? .mean(unit: unit, result), pool?.attributes.overPlane(rank: rank), packed, call)
    var y = try backend.unpackCodes(
      pooled, to: x.elementType, shape: call.plainShape(pooled.shape, rank: rank))
    if channelsLast { y = try backend.transpose(y, Shapes.inverse(toFront)) }
    return call.results(y)
  }

  /// The optional operand at `index`, one code.
  private func code<B: Backend>(_ index: Int, _ call: OperatorCall<B>) throws -> Int {
    call.has(index) ? Int(try call.scalar(index)) : 0
  }
}

extension WindowAttributes {
  /// The window over one dimension as one over two.
  fileprivate func overPlane(rank: Int) -> WindowAttributes {
    guard rank == 3 else { return self }
    var wide = self
    wide.kernel = kernel.map { [1] + $0 }
    wide.strides = strides.map { [1] + $0 }
    wide.dilations = dilations.map { [1] + $0 }
    wide.pads = pads.map { $0.count == 2 ? [0, $0[0], 0, $0[1]] : $0 }
    return wide
  }
}

/// ONNX Runtime's concatenation of codes: output scale and zero point, then three operands a part.
struct QLinearConcat: Operator {
  static let signatures = [
    OperatorSignature(
      "QLinearConcat", domain: "com.microsoft", inputs: 5...Int.max, attributes: ["axis": .int])
  ]

  let axis: Int

  init(_ node: NodeReader) throws {
    axis = try node.required("axis", node.int("axis"))
    guard node.node.inputs.count % 3 == 2 else {
      throw node.invalid("\(node.node.inputs.count) inputs where 2 and three a part are expected")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let parts = try stride(from: 2, to: call.operands.count, by: 3).map { try call.dequantized($0) }
    return try call.quantized(Concat.concatenate(parts, axis: axis, call), by: 0)
  }
}

/// ONNX Runtime's softmax of codes; the attribute `opset` says which version of Softmax is meant.
struct QLinearSoftmax: Operator {
  static let signatures = [
    OperatorSignature(
      "QLinearSoftmax", domain: "com.microsoft", inputs: 5...5, required: 2,
      attributes: ["axis": .int, "opset": .int])
  ]

  let softmax: Softmax

  init(_ node: NodeReader) throws {
    let opset = try node.required("opset", node.int("opset"))
    softmax = Softmax(NodeReader(node: node.node, opset: opset))
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let inner = OperatorCall(
      backend: call.backend, label: call.label, operands: [Operand(value: try call.dequantized(0))])
    guard let result = try softmax.run(inner).first ?? nil else { return [] }
    return try call.quantized(
      result.value(on: call.backend), by: 3, type: try call.operand(0).elementType)
  }
}

/// ONNX Runtime's Gemm of codes, into codes or, without an output scale, into float32.
struct QGemm: Operator {
  static let signatures = [
    OperatorSignature(
      "QGemm", domain: "com.microsoft", inputs: 6...9,
      attributes: ["alpha": .float, "transA": .int, "transB": .int])
  ]

  let alpha: Float
  let transposesA: Bool
  let transposesB: Bool

  init(_ node: NodeReader) {
    alpha = node.float("alpha", default: 1)
    transposesA = node.flag("transA")
    transposesB = node.flag("transB")
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let backend = call.backend
    try call.require(6, in: [.int32])
    func factor(_ index: Int, transposed: Bool) throws -> Operand<B> {
      try call.require(index, in: CodeTypes.bytes)
      let operand = try call.operand(index)
      guard operand.shape.count == 2 else {
        throw call.invalid("shape \(operand.shape) is no matrix")
      }
      return transposed
        ? Operand(value: try backend.transpose(operand.value(on: backend), [1, 0])) : operand
    }
    var operands = call.operands
    operands[0] = try factor(0, transposed: transposesA)
    operands[3] = try factor(3, transposed: transposesB)
    let inner = OperatorCall(backend: backend, label: call.label, operands: operands)
    var sums = try inner.multiplyCodes(a: 0, zeroPoint: 2, b: 3, zeroPoint: 5)
    if let bias = try call.optional(6) { sums = try call.combine(.add, sums, bias) }
    let columns = sums.shape[1]
    let scales = try call.tensor(4).doubles().map { Float($0) }
    guard scales.count == 1 || scales.count == columns else {
      throw call.invalid("\(scales.count) scales for \(columns) columns")
    }
    let aScale = try call.scaleNumber(1)
    let shape = scales.count == 1 ? [] : [columns]
    guard call.has(7) else {
      let scale = Tensor(scales.map { alpha * aScale * $0 }, shape: shape)
      let wide = try backend.cast(sums, to: .float32)
      return call.results(try call.combine(.multiply, wide, backend.upload(scale)))
    }
    let output = try call.scaleNumber(7)
    try call.require(8, in: CodeTypes.bytes)
    let zeroPoint = call.has(8) ? try call.scalarOperand(8) : nil
    let type = try zeroPoint?.elementType ?? call.operand(0).elementType
    let multiplier = Tensor(scales.map { alpha * aScale * $0 / output }, shape: shape)
    return call.results(
      try backend.requantize(
        sums, bias: nil, multiplier: backend.upload(multiplier),
        zeroPoint: zeroPoint ?? call.constant(0, of: type), axis: 1, to: type))
  }
}
