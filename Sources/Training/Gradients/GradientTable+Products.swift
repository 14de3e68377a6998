import Graph
import Tensors

extension GradientTable {
  /// Matrix products and convolutions.
  static let products: [String: GradientRule] = [
    "MatMul": matrixProduct, "Gemm": gemm, "Conv": convolution,
    "ConvTranspose": transposedConvolution,
  ]

  // MARK: Matrices

  private static let matrixProduct: GradientRule = { builder, node in
    let dy = builder.gradient(of: node)
    let shapes = try node.inputs.map { try builder.shape(of: $0) }
    guard shapes.allSatisfy({ $0.count >= 2 }) else {
      throw node.hasNoDerivative("a factor of shape \(shapes[0]) or \(shapes[1]) is no matrix")
    }
    let leading = try builder.shape(of: node.outputs[0]).dropLast(2)
    builder.add(to: node.inputs[0]) { builder in
      let factor = builder.swapLast(node.inputs[1], rank: shapes[1].count)
      let product = builder.emit("MatMul", [dy, factor])
      return builder.sum(product, of: leading + shapes[0].suffix(2), to: shapes[0])
    }
    builder.add(to: node.inputs[1]) { builder in
      // Where all of the first factor's rows meet one matrix, they are one long matrix.
      if shapes[1].count == 2, shapes[0].count > 2 {
        let rows = shapes[0].dropLast().reduce(1, *)
        let a = builder.reshape(node.inputs[0], to: [rows, shapes[0].last!])
        let d = builder.reshape(dy, to: [rows, shapes[1][1]])
        return builder.emit("MatMul", [builder.swapLast(a, rank: 2), d])
      }
      let factor = builder.swapLast(node.inputs[0], rank: shapes[0].count)
      let product = builder.emit("MatMul", [factor, dy])
      return builder.sum(product, of: leading + shapes[1].suffix(2), to: shapes[1])
    }
  }

  private static let gemm: GradientRule = { builder, node in
    let dy = builder.gradient(of: node)
    let (transA, transB) = (
      node.integer("transA", default: 0) != 0, node.integer("transB", default: 0) != 0
    )
    let alpha = node.real("alpha", default: 1)
    let (a, b) = (node.inputs[0], node.inputs[1])
    // With A' and B' the factors as they are multiplied: dA' = dY B'^T, dB' = A'^T dY.
    func product(
      _ first: String, _ second: String, _ transFirst: Bool, _ transSecond: Bool,
      _ builder: inout GradientBuilder
    ) -> String {
      builder.emit(
        "Gemm", [first, second],
        [
          "alpha": .float(alpha), "transA": .int(transFirst ? 1 : 0),
          "transB": .int(transSecond ? 1 : 0),
        ])
    }
    builder.add(to: a) { builder in
      transA
        ? product(b, dy, transB, true, &builder) : product(dy, b, false, !transB, &builder)
    }
    builder.add(to: b) { builder in
      transB
        ? product(dy, a, true, transA, &builder) : product(a, dy, !transA, false, &builder)
    }
    if node.hasInput(2) {
      let beta = node.real("beta", default: 1)
      try builder.addBroadcast(node, 2) { builder in
        beta == 1 ? dy : builder.emit("Mul", [dy, builder.number(beta)])
      }
    }
  }

  // MARK: Convolutions

  private static let convolution: GradientRule = { builder, node in
    let dy = builder.gradient(of: node)
    let x = try builder.shape(of: node.inputs[0])
    let weights = try builder.shape(of: node.inputs[1])
    let window = try WindowOfNode(node, input: x, kernel: Array(weights[2...]))
    let output = try builder.shape(of: node.outputs[0])
    builder.add(to: node.inputs[0]) { builder in
      window.transposed(dy, weights: node.inputs[1], output: output, to: x, &builder)
    }
    builder.add(to: node.inputs[1]) { builder in
      window.weightGradient(x: node.inputs[0], dy: dy, &builder)
    }
    if node.hasInput(2) { try addChannelSums(of: dy, rank: x.count, to: node.inputs[2], &builder) }
  }

  private static let transposedConvolution: GradientRule = { builder, node in
    let dy = builder.gradient(of: node)
    let x = try builder.shape(of: node.inputs[0])
    let weights = try builder.shape(of: node.inputs[1])
    let output = try builder.shape(of: node.outputs[0])
    guard node.word("auto_pad") ?? "NOTSET" == "NOTSET", node.integers("output_shape") == nil else {
      throw node.hasNoDerivative("its pads are implied")
    }
    let window = try WindowOfNode(node, input: output, kernel: Array(weights[2...]))
    builder.add(to: node.inputs[0]) { builder in
      let whole = builder.emit("Conv", [dy, node.inputs[1]], window.attributes)
      return builder.crop(whole, to: x)
    }
    builder.add(to: node.inputs[1]) { builder in
      // The roles of input and output are exchanged; no more is read than the inputs reach.
      var reached = window
      var read = output
      for axis in window.kernel.indices {
        let end =
          window.strides[axis] * (x[axis + 2] - 1)
          + window.dilations[axis] * (window.kernel[axis] - 1) + 1 - window.padBefore[axis]
        read[axis + 2] = min(output[axis + 2], end)
        reached.padAfter[axis] = end - read[axis + 2]
      }
      let part = read == output ? dy : builder.crop(dy, to: read)
      return reached.weightGradient(x: part, dy: node.inputs[0], &builder)
    }
    if node.hasInput(2) { try addChannelSums(of: dy, rank: x.count, to: node.inputs[2], &builder) }
  }

  /// The derivative of a bias.
  private static func addChannelSums(
    of dy: String, rank: Int, to bias: String, _ builder: inout GradientBuilder
  ) throws {
    builder.add(to: bias) { builder in
      builder.emit(
        "ReduceSum", [dy, builder.list([0] + Array(2..<rank))], ["keepdims": .int(0)])
    }
  }
}

/// The window of a convolution or pool with everything settled.
struct WindowOfNode {
  let kernel: [Int]
  let strides: [Int]
  let dilations: [Int]
  var padBefore: [Int]
  var padAfter: [Int]
  let groups: Int

  /// - Parameter input: The shape `[N, C, spatial...]` of what the window moves over.
  init(_ node: Node, input: [Int], kernel: [Int]) throws {
    let rank = input.count - 2
    let ones = Array(repeating: 1, count: rank)
    self.kernel = kernel
    strides = node.integers("strides") ?? ones
    dilations = node.integers("dilations") ?? ones
    groups = node.integer("group", default: 1)
    let pads = node.integers("pads") ?? Array(repeating: 0, count: 2 * rank)
    padBefore = Array(pads.prefix(rank))
    padAfter = Array(pads.suffix(rank))
    let automatic = node.word("auto_pad") ?? "NOTSET"
    guard automatic.hasPrefix("SAME") else { return }
    for axis in 0..<rank {
      let extent = input[axis + 2]
      let count = (extent + strides[axis] - 1) / strides[axis]
      let covered = dilations[axis] * (kernel[axis] - 1) + 1
      let total = max((count - 1) * strides[axis] + covered - extent, 0)
      padBefore[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
      padAfter[axis] = total - padBefore[axis]
    }
  }

  /// The attributes of a convolution with this window.
  var attributes: [String: Attribute] {
    [
      "kernel_shape": .ints(kernel), "strides": .ints(strides), "dilations": .ints(dilations),
      "pads": .ints(padBefore + padAfter), "group": .int(groups),
    ]
  }

  /// The derivative of a convolution's input of shape `input`: the transpose of the convolution.
  func transposed(
    _ dy: String, weights: String, output: [Int], to input: [Int],
    _ builder: inout GradientBuilder
  ) -> String {
    // What a stride left over at the end belongs to the input too.
    let rest = kernel.indices.map { axis in
      input[axis + 2]
        - (strides[axis] * (output[axis + 2] - 1) + dilations[axis] * (kernel[axis] - 1) + 1
          - padBefore[axis] - padAfter[axis])
    }
    var attributes = attributes
    attributes["output_padding"] = .ints(rest)
    return builder.emit("ConvTranspose", [dy, weights], attributes)
  }

  /// The derivative `[M, C/groups, kernel...]` of a convolution's weights from its input `x` and the
  /// derivative of its output.
  func weightGradient(x: String, dy: String, _ builder: inout GradientBuilder) -> String {
    builder.emit("ConvWeightGradient", domain: OperatorDomain.lowBit, [x, dy], attributes)
  }
}

extension GradientBuilder {
  /// A matrix, or many, transposed.
  mutating func swapLast(_ value: String, rank: Int) -> String {
    let permutation = Array(0..<(rank - 2)) + [rank - 1, rank - 2]
    return emit("Transpose", [value], ["perm": .ints(permutation)])
  }

  /// The first `shape` elements of `value`.
  mutating func crop(_ value: String, to shape: [Int]) -> String {
    emit(
      "Slice", [value, list(shape.map { _ in 0 }), list(shape), list(Array(shape.indices))])
  }
}
