import Graph
import Operations
import Tensors

extension OperatorTable {
  static let convolutions: [any Operator.Type] = [Conv.self, ConvTranspose.self]
}

/// The shapes of a convolution's operands, checked.
struct ConvolutionShapes {
  /// The input's spatial extents.
  let spatial: [Int]
  /// The kernel's spatial extents.
  let kernel: [Int]

  /// - Parameter transposed: Whether the weights are `[C, M/groups, kernel...]`.
  init<B>(
    x: [Int], weights: [Int], bias: [Int]?, groups: Int, transposed: Bool = false,
    _ call: OperatorCall<B>
  ) throws {
    guard x.count >= 3, weights.count == x.count else {
      throw call.invalid(
        "an input of shape \(x) and weights of shape \(weights) do not fit together")
    }
    guard x.count <= 5 else {
      throw call.unsupported("\(x.count - 2) spatial dimensions are not supported; 1 to 3 are")
    }
    let channels = transposed ? weights[0] : weights[1] * groups
    let filters = transposed ? weights[1] * groups : weights[0]
    guard x[1] == channels, weights[0] % groups == 0 else {
      throw call.invalid(
        "an input of shape \(x) and weights of shape \(weights) do not fit together in \(groups) groups"
      )
    }
    guard weights.dropFirst(2).allSatisfy({ $0 > 0 }) else {
      throw call.invalid("the weights have shape \(weights)")
    }
    if let bias, bias != [filters] {
      throw call.invalid("the bias has shape \(bias), not [\(filters)]")
    }
    spatial = Array(x.dropFirst(2))
    kernel = Array(weights.dropFirst(2))
  }
}

extension NodeReader {
  /// The attribute `group`.
  func groups() throws -> Int {
    let groups = int("group", default: 1)
    guard (1...(1 << 30)).contains(groups) else { throw invalid("attribute 'group' is \(groups)") }
    return groups
  }
}

/// Convolution.
struct Conv: Operator {
  static let attributes = WindowAttributes.attributes.merging(["group": .int]) { $1 }
  static let signatures = [
    OperatorSignature("Conv", inputs: 2...3, attributes: attributes)
  ]

  let attributes: WindowAttributes
  let groups: Int

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    groups = try node.groups()
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let type = try call.requireOneType(0..<3)
    try call.requireProducts(of: type)
    let x = try call.value(0)
    let weights = try call.value(1)
    let bias = try call.optional(2)
    let shapes = try ConvolutionShapes(
      x: x.shape, weights: weights.shape, bias: bias?.shape, groups: groups, call)
    let (window, extents) = try attributes.window(
      over: shapes.spatial, kernel: shapes.kernel, call)
    try call.requireRoom(for: [x.shape[0], weights.shape[0]] + extents)
    let result = try call.inFloat32(type, [x, weights] + (bias.map { [$0] } ?? [])) { operands in
      try call.backend.convolve(
        operands[0], weights: operands[1], bias: operands.count > 2 ? operands[2] : nil,
        Convolution(window: window, groups: groups))
    }
    return call.results(result)
  }
}

/// The transpose of a convolution.
struct ConvTranspose: Operator {
  static let signatures = [
    OperatorSignature(
      "ConvTranspose", inputs: 2...3,
      attributes: Conv.attributes.merging(["output_padding": .ints, "output_shape": .ints]) { $1 })
  ]

  let attributes: WindowAttributes
  let groups: Int
  let outputPadding: [Int]?
  let outputShape: [Int]?

  init(_ node: NodeReader) throws {
    attributes = try WindowAttributes(node)
    groups = try node.groups()
    outputPadding = node.ints("output_padding")
    outputShape = node.ints("output_shape")
    for list in [outputPadding, outputShape] {
      if let list, !list.allSatisfy({ (0...(1 << 30)).contains($0) }) {
        throw node.invalid("output padding or shape is \(list)")
      }
    }
  }

  func run<B: Backend>(_ call: OperatorCall<B>) throws -> [Operand<B>?] {
    let type = try call.requireOneType(0..<3)
    try call.requireProducts(of: type)
    let x = try call.value(0)
    let weights = try call.value(1)
    let bias = try call.optional(2)
    let shapes = try ConvolutionShapes(
      x: x.shape, weights: weights.shape, bias: bias?.shape, groups: groups, transposed: true, call)
    let transposed = try settle(shapes, call)
    try call.requireRoom(
      for: [x.shape[0], weights.shape[1] * groups] + transposed.outputExtents)
    let result = try call.inFloat32(type, [x, weights] + (bias.map { [$0] } ?? [])) { operands in
      try call.backend.convolveTransposed(
        operands[0], weights: operands[1], bias: operands.count > 2 ? operands[2] : nil, transposed)
    }
    return call.results(result)
  }

  /// The pads and the extents of the output, by the equations of ONNX's ConvTranspose:
  /// `output = stride * (input - 1) + output_padding + covered - pads`.
  private func settle<B>(
    _ shapes: ConvolutionShapes, _ call: OperatorCall<B>
  ) throws -> TransposedConvolution {
    let rank = shapes.spatial.count
    var window = try attributes.unpadded(rank: rank, weights: shapes.kernel, call)
    let extra = outputPadding ?? [Int](repeating: 0, count: rank)
    guard extra.count == rank else {
      throw call.invalid("attribute 'output_padding' is \(extra) for \(rank) spatial dimensions")
    }
    let automatic = attributes.automaticPadding
    var wanted: [Int]?
    if let outputShape {
      guard outputShape.count == rank || outputShape.count == rank + 2 else {
        throw call.invalid(
          "attribute 'output_shape' is \(outputShape) for \(rank) spatial dimensions")
      }
      wanted = Array(outputShape.suffix(rank))
    } else if automatic == .sameUpper || automatic == .sameLower {
      wanted = zip(shapes.spatial, window.strides).map { $0 * $1 }
    }
    var extents: [Int] = []
    for axis in 0..<rank {
      let covered = window.dilations[axis] * (window.kernel[axis] - 1) + 1
      let whole = window.strides[axis] * (shapes.spatial[axis] - 1) + extra[axis] + covered
      if let wanted {
        let total = max(whole - wanted[axis], 0)
        let less = total / 2
        window.padBefore[axis] = automatic == .sameUpper ? less : total - less
        window.padAfter[axis] = total - window.padBefore[axis]
        extents.append(wanted[axis])
      } else {
        extents.append(whole - window.padBefore[axis] - window.padAfter[axis])
      }
    }
    guard extents.allSatisfy({ $0 > 0 }) else {
      throw call.invalid(
        "an input of spatial shape \(shapes.spatial) gives an output of \(extents)")
    }
    return TransposedConvolution(window: window, groups: groups, outputExtents: extents)
  }
}
