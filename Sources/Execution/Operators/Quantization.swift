import Graph
import Operations
import Tensors

extension OperatorTable {
  static let quantization: [any Operator.Type] = [
    QuantizeLinear.self, DequantizeLinear.self, DynamicQuantizeLinear.self, ConvInteger.self,
    MatMulInteger.self, QLinearConv.self, QLinearMatMul.self,
  ]
}

/// Groups of types that hold codes.
enum CodeTypes {
  static let all: Set<ElementType> = [
    .int2, .uint2, .int4, .uint4, .int8, .uint8, .int16, .uint16,
  ]
  static let bytes: Set<ElementType> = [.int8, .uint8]
}

extension OperatorCall {
  /// How scale and zero point, operands 1 and 2, lie over operand 0; shapes checked.
  func quantizationLayout(axis: Int, blockSize: Int) throws -> QuantizationLayout {
    let x = try operand(0).shape
    let scale = try operand(1).shape
    let isScalar = blockSize == 0 && (scale.isEmpty || scale == [1])
    if has(2), try operand(2).shape != scale, try !isScalar || operand(2).count != 1 {
      throw invalid("scale and zero point have shapes \(scale) and \(try operand(2).shape)")
    }
    if isScalar { return .tensor }
    let wrong = invalid(
      "a scale of shape \(scale) for an input of shape \(x), axis \(axis), block size \(blockSize)")
    guard (-x.count..<x.count).contains(axis) else { throw wrong }
    let place = axis < 0 ? axis + x.count : axis
    if blockSize == 0 {
      guard scale == [x[place]] else { throw wrong }
      return .axis(place)
    }
    var expected = x
    expected[place] = (x[place] + blockSize - 1) / blockSize
    guard scale == expected else { throw wrong }
    return .blocks(axis: place, size: blockSize)
  }

  /// Operand `index`, the scale, as float32; a scalar where the layout has one pair for all.
  func scale(_ index: Int, _ layout: QuantizationLayout) throws -> B.Value {
    try require(index, in: [.float32, .float16, .bfloat16])
    let scale = try value(index)
    let wide = scale.elementType == .float32 ? scale : try backend.cast(scale, to: .float32)
    return layout == .tensor ? try backend.reshape(wide, to: []) : wide
  }

  /// Operand `index`, the zero point; a scalar where the layout has one pair for all.
  func zeroPoint(_ index: Int, _ layout: QuantizationLayout = .tensor) throws -> B.Value? {
    guard let value = try optional(index) else { return nil }
    return layout == .tensor ? try backend.reshape(value, to: []) : value
  }
}

/// `saturate(rint(x / scale) + zeroPoint)`
struct QuantizeLinear: Operator {
  static let signatures = ["", "com.microsoft"].map { domain in
    OperatorSignature(
      "QuantizeLinear", domain: domain, since: domain.isEmpty ? 10 : 1, inputs: 2...3,
      attributes: [
        "axis": .int, "block_size": .int, "output_dtype": .int, "precision": .int, "saturate": .int,
      ])
  }

  let axis: Int
  let blockSize: Int
  let statedType: ElementType?

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: 1)
    blockSize = node.int("block_size", default: 0)
    statedType = try node.codeType("output_dtype")
    guard (0...(1 << 40)).contains(blockSize) else {
      throw node.invalid("attribute 'block_size' is \(blockSize)")
    }
    guard [0, 1].contains(node.int("precision", default: 0)) else {
      throw node.unsupported("attribute 'precision' is not 1 (float32)")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.float32, .float16, .bfloat16, .int32])
    try call.require(2, in: CodeTypes.all)
    let layout = try call.quantizationLayout(axis: axis, blockSize: blockSize)
    let zeroPoint = try call.zeroPoint(2, layout)
    let type = zeroPoint?.elementType ?? statedType ?? .uint8
    if let statedType, statedType != type {
      throw call.invalid("attribute 'output_dtype' is \(statedType), the zero point \(type)")
    }
    let x = try call.value(0)
    let wide = x.elementType == .float32 ? x : try call.backend.cast(x, to: .float32)
    return call.results(
      try call.backend.quantize(
        wide, scale: call.scale(1, layout), zeroPoint: zeroPoint, layout: layout, to: type))
  }
}

/// `(x - zeroPoint) * scale`
struct DequantizeLinear: Operator {
  static let signatures = ["", "com.microsoft"].map { domain in
    OperatorSignature(
      "DequantizeLinear", domain: domain, since: domain.isEmpty ? 10 : 1, inputs: 2...3,
      attributes: ["axis": .int, "block_size": .int, "output_dtype": .int])
  }

  let axis: Int
  let blockSize: Int
  let statedType: ElementType?

  init(_ node: NodeReader) throws {
    axis = node.int("axis", default: 1)
    blockSize = node.int("block_size", default: 0)
    guard (0...(1 << 40)).contains(blockSize) else {
      throw node.invalid("attribute 'block_size' is \(blockSize)")
    }
    let code = node.int("output_dtype", default: 0)
    statedType = code == 0 ? nil : ElementType(onnxCode: code)
    guard code == 0 || statedType?.isFloatingPoint == true else {
      throw node.unsupported("attribute 'output_dtype' is ONNX element type \(code)")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: CodeTypes.all.union([.int32]))
    if call.has(2) { try call.requireOneType([0, 2]) }
    let layout = try call.quantizationLayout(axis: axis, blockSize: blockSize)
    let type = try statedType ?? call.operand(1).elementType
    let result = try call.backend.dequantize(
      call.value(0), scale: call.scale(1, layout), zeroPoint: call.zeroPoint(2, layout),
      layout: layout)
    return call.results(type == .float32 ? result : try call.backend.cast(result, to: type))
  }
}

extension NodeReader {
  /// An attribute that names a type of codes; 0 or none means that none is named.
  fileprivate func codeType(_ name: String) throws -> ElementType? {
    let code = int(name, default: 0)
    guard code != 0 else { return nil }
    guard let type = ElementType(onnxCode: code), CodeTypes.all.contains(type) else {
      throw unsupported("attribute '\(name)' is ONNX element type \(code)")
    }
    return type
  }
}

/// Codes of 8 bits by the range of the tensor itself, which is made to hold zero.
struct DynamicQuantizeLinear: Operator {
  static let signatures = [
    OperatorSignature("DynamicQuantizeLinear", since: 11, outputs: 3...3)
  ]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    try call.require(0, in: [.float32])
    let backend = call.backend
    let x = try call.value(0)
    guard x.count > 0 else { throw call.invalid("the input of shape \(x.shape) has no elements") }
    let flat = try backend.reshape(x, to: [x.count])
    func extreme(_ function: Reduction) throws -> Float {
      let value = try backend.download(backend.reduce(function, flat, axes: [0]))
      return Float(value.doubles()[0])
    }
    let low = min(try extreme(.minimum), 0)
    let high = max(try extreme(.maximum), 0)
    let range = (high - low) / 255
    let scale = range == 0 ? 1 : range
    let place = min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)
    guard place.isFinite, scale.isFinite else {
      throw call.invalid("the input's range is \(low) to \(high)")
    }
    let zeroPoint = Tensor(scalar: UInt8(place))
    let codes = try backend.quantize(
      x, scale: backend.upload(Tensor(scalar: scale)), zeroPoint: backend.upload(zeroPoint),
      layout: .tensor, to: .uint8)
    return [Operand(value: codes), Operand(Tensor(scalar: scale)), Operand(zeroPoint)]
  }
}

/// Convolution of codes into int32.
struct ConvInteger: Operator {
  static let signatures = [
    OperatorSignature("ConvInteger", since: 10, inputs: 2...4, attributes: Conv.attributes)
  ]

  let attributes: WindowAttributes
  let groups: Int

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    groups = try node.groups()
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.results(
      try CodeConvolution(attributes: attributes, groups: groups).run(
        x: 0, zeroPoint: 2, weights: 1, weightsZeroPoint: 3, bias: nil, call))
  }
}

/// What ConvInteger and QLinearConv share.
struct CodeConvolution {
  let attributes: WindowAttributes
  let groups: Int

  /// Sums of codes less their zero points; operands by index.
  func run<B: Backend>(
    x: Int, zeroPoint: Int, weights: Int, weightsZeroPoint: Int, bias: Int?, _ call: OperatorCall<B>
  ) throws -> B.Value {
    try call.require(x, in: CodeTypes.bytes)
    try call.require(weights, in: CodeTypes.bytes)
    try call.requireOneType([x, zeroPoint])
    try call.requireOneType([weights, weightsZeroPoint])
    let input = try call.value(x)
    let kernel = try call.value(weights)
    let biasShape = try bias.flatMap { call.has($0) ? try call.operand($0).shape : nil }
    let shapes = try ConvolutionShapes(
      x: input.shape, weights: kernel.shape, bias: biasShape, groups: groups, call)
    guard try !call.has(zeroPoint) || call.operand(zeroPoint).count == 1 else {
      throw call.invalid("the input's zero point has shape \(try call.operand(zeroPoint).shape)")
    }
    var offsets = try call.optional(weightsZeroPoint)
    if let given = offsets {
      guard given.count == 1 || given.shape == [kernel.shape[0]] else {
        throw call.invalid("the weights' zero point has shape \(given.shape)")
      }
      if given.count == 1 { offsets = try call.backend.reshape(given, to: []) }
    }
    let (window, extents) = try attributes.window(
      over: shapes.spatial, kernel: shapes.kernel, call)
    try call.requireRoom(for: [input.shape[0], kernel.shape[0]] + extents)
    return try call.backend.convolveCodes(
      input, zeroPoint: call.zeroPoint(zeroPoint), weights: kernel, weightsZeroPoint: offsets,
      Convolution(window: window, groups: groups))
  }
}

/// Matrix product of codes into int32.
struct MatMulInteger: Operator {
  static let signatures = [OperatorSignature("MatMulInteger", since: 10, inputs: 2...4)]

  init(_ node: NodeReader) {}

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    call.results(try call.multiplyCodes(a: 0, zeroPoint: 2, b: 1, zeroPoint: 3))
  }
}

extension OperatorCall {
  /// Matrix product of operands `a` and `b` less their zero points, in int32.
  func multiplyCodes(
    a: Int, zeroPoint aZeroPoint: Int, b: Int, zeroPoint bZeroPoint: Int
  ) throws -> B.Value {
    try require(a, in: CodeTypes.bytes)
    try require(b, in: CodeTypes.bytes)
    try requireOneType([a, aZeroPoint])
    try requireOneType([b, bZeroPoint])
    let shapes = try matrixShapes(operand(a).shape, operand(b).shape)
    let rows = shapes.a[shapes.a.count - 2]
    let columns = shapes.b[shapes.b.count - 1]
    let product = try backend.matrixMultiplyCodes(
      backend.reshape(value(a), to: shapes.a),
      zeroPoint: codeZeroPoint(aZeroPoint, lines: rows),
      backend.reshape(value(b), to: shapes.b),
      zeroPoint: codeZeroPoint(bZeroPoint, lines: columns))
    return try backend.reshape(product, to: shapes.product)
  }

  /// A zero point that is a scalar or one value a row or column; `[..., rows, 1]` and
  /// `[..., 1, columns]` of a single matrix are taken as vectors.
  private func codeZeroPoint(_ index: Int, lines: Int) throws -> B.Value? {
    guard let value = try optional(index) else { return nil }
    if value.count == 1 { return try backend.reshape(value, to: []) }
    guard value.count == lines else {
      throw unsupported(
        "a zero point of shape \(value.shape) is not supported; a scalar or \(lines) values are")
    }
    return try backend.reshape(value, to: [lines])
  }
}
