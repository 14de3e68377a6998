import Graph
import Operations
import Tensors

/// What ``SumPacked`` and ``ConvolvePacked`` share: a convolution over two dimensions of packed codes.
///
/// Inputs 0 to 2 are the packed codes, the weights (codes a byte each, or rows of packed codes where
/// `weight_type` says so) and, optionally, the weights' zero points.
struct PackedProduct {
  static let attributes = Conv.attributes.merging(CodeFacts.kinds()) { $1 }
    .merging(["weight_shape": .ints, "weight_type": .string]) { $1 }

  let window: WindowAttributes
  let groups: Int
  let facts: CodeFacts
  let weightShape: [Int]
  /// The type of weights that are packed.
  let packedType: ElementType?

  init(_ node: NodeReader) throws {
    window = try WindowAttributes(node)
    groups = try node.groups()
    facts = try CodeFacts(node)
    weightShape = try node.required("weight_shape", node.ints("weight_shape"))
    packedType =
      node.string("weight_type") == nil ? nil : try node.typeOfCodes("weight_type")
    guard weightShape.count == 4, weightShape.allSatisfy({ $0 > 0 && $0 < 1 << 30 }) else {
      throw node.invalid("attribute 'weight_shape' is \(weightShape)")
    }
  }

  /// The operands, checked.
  func operands<B: Backend>(
    _ call: OperatorCall<B>
  ) throws -> (x: PackedCodes<B.Value>, weights: CodedWeights<B.Value>, Convolution) {
    let x = try call.packed(0, facts)
    let shapes = try ConvolutionShapes(
      x: x.shape, weights: weightShape, bias: nil, groups: groups, call)
    let (window, extents) = try window.window(over: shapes.spatial, kernel: shapes.kernel, call)
    try call.requireRoom(for: [x.shape[0], weightShape[0]] + extents)
    let codes = try call.value(1)
    let zeroPoint = try call.optional(2)
    guard zeroPoint.map({ $0.rank == 0 || $0.shape == [weightShape[0]] }) ?? true else {
      throw call.invalid("the weights' zero point has shape \(zeroPoint?.shape ?? [])")
    }
    let weights: CodedWeights<B.Value>
    if let packedType {
      let rowBytes = packedType.rowByteCount(weightShape.dropFirst().reduce(1, *))
      guard packedType.bitCount < 8, codes.elementType == .uint8,
        codes.shape == [weightShape[0], rowBytes]
      else { throw call.invalid("\(codes.elementType) \(codes.shape) are no packed weights") }
      weights = CodedWeights(
        packed: codes, as: packedType, shape: weightShape, zeroPoint: zeroPoint)
    } else {
      guard codes.shape == weightShape, CodeTypes.bytes.contains(codes.elementType) else {
        throw call.invalid("\(codes.elementType) \(codes.shape) are no weights")
      }
      weights = CodedWeights(codes, zeroPoint: zeroPoint)
    }
    return (x, weights, Convolution(window: window, groups: groups))
  }
}

/// Exact sums of products of codes less their zero points, `int32`, channels second.
struct SumPacked: Operator {
  static let signatures = [
    OperatorSignature(
      "SumPacked", domain: OperatorDomain.lowBit, inputs: 2...3,
      attributes: PackedProduct.attributes.merging(["rank": .int]) { $1 })
  ]

  let product: PackedProduct
  let rank: Int

  init(_ node: NodeReader) throws {
    product = try PackedProduct(node)
    rank = try node.required("rank", node.int("rank"))
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let (x, weights, convolution) = try product.operands(call)
    let sums = try call.backend.sumPacked(x, weights: weights, convolution)
    return call.results(
      try call.backend.reshape(sums, to: call.plainShape(sums.shape, rank: rank)))
  }
}

/// Convolution of packed codes into packed codes, with what follows it in the same operation.
///
/// Inputs 3 to 6 are the bias, the multipliers and shifts that the attribute `rounding` needs, and the
/// other summand of a residual connection.
struct ConvolvePacked: Operator {
  static let signatures = [
    OperatorSignature(
      "ConvolvePacked", domain: OperatorDomain.lowBit, inputs: 4...7, required: 2,
      attributes: PackedProduct.attributes.merging(EpilogueFacts.kinds) { $1 }
        .merging(["rounding": .string]) { $1 })
  ]

  let product: PackedProduct
  let epilogue: EpilogueFacts
  let rounding: String

  init(_ node: NodeReader) throws {
    product = try PackedProduct(node)
    epilogue = try EpilogueFacts(node)
    rounding = try node.required("rounding", node.string("rounding"))
    guard node.hasInput(6) == (epilogue.residual != nil) else {
      throw node.invalid("a summand is missing")
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let (x, weights, convolution) = try product.operands(call)
    let filters = weights.shape[0]
    try call.require(3, in: [.int32])
    let bias = try call.optional(3)
    guard bias.map({ $0.shape == [filters] }) ?? true else {
      throw call.invalid("a bias of shape \(bias?.shape ?? []) for \(filters) filters")
    }
    var finish = Epilogue(
      bias: bias, rounding: try rounding(call, filters: filters),
      zeroPoint: epilogue.result.zeroPoint, codes: epilogue.codes, bits: epilogue.bits)
    if let residual = epilogue.residual {
      let extents = convolution.window.kernel.indices.map {
        convolution.window.outputExtent(x.shape[$0 + 2], axis: $0)
      }
      finish.residual = try residual.value(
        call.packed(6, residual.other), result: [x.shape[0], filters] + extents, call)
    }
    return call.results(
      try call.backend.convolvePacked(x, weights: weights, convolution, finish).bytes)
  }

  /// The rounding with its parameters, operands 4 and 5.
  private func rounding<B: Backend>(
    _ call: OperatorCall<B>, filters: Int
  ) throws -> Rounding<B.Value> {
    func parameter(_ index: Int, _ type: ElementType) throws -> B.Value {
      try call.require(index, in: [type])
      let value = try call.value(index)
      guard value.rank == 0 || value.shape == [filters] else {
        throw call.invalid("input \(index) has shape \(value.shape) for \(filters) filters")
      }
      return value
    }
    switch rounding {
    case "float": return .float(multiplier: try parameter(4, .float32))
    case "integer":
      return .integer(multiplier: try parameter(4, .int32), shift: try parameter(5, .int32))
    case "shift": return .shift(try parameter(5, .int32))
    case "floorShift": return .floorShift(try parameter(5, .int32))
    default: throw call.unsupported("attribute 'rounding' is '\(rounding)'")
    }
  }
}

extension Rounding {
  /// What ``ConvolvePacked`` calls it.
  var name: String {
    switch self {
    case .float: "float"
    case .integer: "integer"
    case .shift: "shift"
    case .floorShift: "floorShift"
    }
  }

  /// Multipliers and shifts.
  var parameters: [Value?] {
    switch self {
    case .float(let multiplier): [multiplier, nil]
    case .integer(let multiplier, let shift): [multiplier, shift]
    case .shift(let shift), .floorShift(let shift): [nil, shift]
    }
  }
}
