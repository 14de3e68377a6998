import Execution
import Graph
import Tensors

/// A network on codes as one of floats that can be differentiated: codes are their values, and behind
/// whatever makes codes stands the quantizer, through which derivatives pass straight.
///
/// Forward it computes what the network on codes does but for the rounding of floats; what is found with
/// it is judged by the network on codes.
struct DifferentiableForm {
  /// The graph, for pictures of the extents that its input states.
  private(set) var graph: Graph

  private let source: Graph
  /// Scale, zero point and least code of values that hold codes.
  private var quantizers: [String: Affine] = [:]

  private struct Affine {
    var scale: Float
    var zeroPoint: Int
    var codes: ClosedRange<Int>
  }

  /// The form of `source`, with 1 as every layer's multipliers and its bias in real units.
  ///
  /// - Throws: `GraphError` naming a node that has no such form.
  init(_ source: Graph, _ layers: [AdaptableLayer]) throws {
    // Nodes have the inputs and outputs of their operators from here on.
    try source.requireSupportedNodes()
    self.source = source
    graph = source
    graph.nodes = []
    graph.opsets[OperatorDomain.lowBit] = 1
    graph.valueInfo = [:]
    let adaptable = Dictionary(layers.map { ($0.scales, $0) }, uniquingKeysWith: { $1 })
    for node in try source.sortedNodes() { try write(node, adaptable) }
    let read = Set(graph.nodes.flatMap(\.inputs))
    graph.initializers = graph.initializers.filter { read.contains($0.key) }
  }

  private mutating func write(
    _ node: Node, _ adaptable: [String: AdaptableLayer]
  ) throws(GraphError) {
    switch (node.domain, node.operatorType) {
    case ("", "QuantizeLinear"):
      try quantize(node.inputs[0], as: node.outputs[0], node, scale: 1)
    case ("", "DequantizeLinear"):
      if source.initializers[node.inputs[0]] != nil {
        throw unsupported(node, "constants that are dequantized; --target qoperator writes none")
      }
      append(Node("Identity", inputs: [node.inputs[0]], outputs: node.outputs))
    case ("", "QLinearConv"):
      try convolve(node, adaptable[node.inputs[4]])
    case (OperatorDomain.microsoft, "QLinearAdd"), (OperatorDomain.microsoft, "QLinearMul"):
      let operands = [try operand(node, 0), try operand(node, 3)]
      let raw = "\(node.outputs[0])\0raw"
      append(
        Node(
          node.operatorType == "QLinearAdd" ? "Add" : "Mul", inputs: operands, outputs: [raw]))
      try quantize(raw, as: node.outputs[0], node, scale: 6)
    case ("", "Clip") where quantizers[node.inputs[0]] != nil: try clip(node)
    case ("", "Cast") where source.initializers[node.inputs[0]] != nil: break
    case ("", "MaxPool"), ("", "Reshape"), ("", "Transpose"), ("", "DepthToSpace"),
      ("", "SpaceToDepth"), ("", "Identity"):
      if let affine = quantizers[node.inputs[0]] { quantizers[node.outputs[0]] = affine }
      append(node)
    case ("", _): append(node)
    default: throw unsupported(node, "the operator")
    }
  }

  private mutating func append(_ node: Node) { graph.nodes.append(node) }

  private func unsupported(_ node: Node, _ what: String) -> GraphError {
    .unsupported("node '\(node.label)' (\(node.operatorType)): cannot be trained through \(what)")
  }

  // MARK: Operators

  private mutating func convolve(_ node: Node, _ layer: AdaptableLayer?) throws(GraphError) {
    guard let codes = source.constantCodes(node.inputs[3]),
      let input = source.scalar(node.inputs[1]),
      let scaleTensor = source.initializers[node.inputs[4]], scaleTensor.elementType == .float32,
      codes.shape.count >= 3, codes.count > 0, [1, codes.shape[0]].contains(scaleTensor.count),
      codes.elementType == .int8 || codes.elementType == .int4 || codes.elementType == .int2,
      source.initializers[node.inputs[5]].map(Self.isZero) ?? true
    else {
      throw unsupported(
        node, "kernels that are no signed constants around 0, with one scale or one for each filter"
      )
    }
    let scales = scaleTensor.array(of: Float.self)
    let kernel = codes.array(of: Int8.self)
    let rows = codes.shape[0]
    let length = kernel.count / rows
    func scale(_ row: Int) -> Float { scales[scales.count == 1 ? 0 : row] }
    let weights = "\(node.outputs[0])\0weights"
    graph.initializers[weights] = Tensor(
      kernel.indices.map { Float(kernel[$0]) * scale($0 / length) }, shape: codes.shape)
    var inputs = [node.inputs[0], weights]
    if node.inputs.count > 8, !node.inputs[8].isEmpty {
      guard let bias = source.initializers[node.inputs[8]], bias.elementType == .int32,
        bias.count == rows
      else { throw unsupported(node, "a bias that is not one constant of int32 for each filter") }
      let name = layer?.realBias ?? "\(node.outputs[0])\0bias"
      graph.initializers[name] = Tensor(
        bias.array(of: Int32.self).enumerated().map { Float($1) * input * scale($0) })
      inputs.append(name)
    }
    let sum = "\(node.outputs[0])\0sum"
    append(Node("Conv", inputs: inputs, outputs: [sum], attributes: node.attributes))
    guard let layer else { return try quantize(sum, as: node.outputs[0], node, scale: 6) }
    let shape = [1, rows] + [Int](repeating: 1, count: codes.shape.count - 2)
    graph.initializers[layer.multipliers] = Tensor(repeating: Float(1), shape: shape)
    let product = "\(node.outputs[0])\0product"
    append(Node("Mul", inputs: [sum, layer.multipliers], outputs: [product]))
    try quantize(product, as: node.outputs[0], node, scale: 6)
  }

  private static func isZero(_ tensor: Tensor) -> Bool {
    tensor.withBytes { $0.allSatisfy { $0 == 0 } }
  }

  /// The name of an operand in real units.
  private mutating func operand(_ node: Node, _ place: Int) throws(GraphError) -> String {
    let name = node.inputs[place]
    guard let tensor = source.initializers[name] else { return name }
    let affine = try affine(node, place + 1)
    let real = "\(name)\0real"
    graph.initializers[real] = Tensor(
      try codes(tensor, node).map { Float($0 - affine.zeroPoint) * affine.scale },
      shape: tensor.shape)
    return real
  }

  /// Bounds of codes are bounds of values.
  private mutating func clip(_ node: Node) throws(GraphError) {
    guard let affine = quantizers[node.inputs[0]] else { return }
    var copy = node
    for place in node.inputs.indices.dropFirst() where !node.inputs[place].isEmpty {
      guard let bound = source.initializers[node.inputs[place]] else {
        throw unsupported(node, "bounds that are computed")
      }
      let name = "\(node.outputs[0])\0bound\(place)"
      guard bound.count == 1 else { throw unsupported(node, "bounds that are no scalars") }
      let code = try codes(bound, node)[0]
      graph.initializers[name] = Tensor(scalar: Float(code - affine.zeroPoint) * affine.scale)
      copy.inputs[place] = name
    }
    quantizers[node.outputs[0]] = affine
    append(copy)
  }

  /// Puts the quantizer whose scale is input `scale` of `node` behind the value `raw`.
  private mutating func quantize(
    _ raw: String, as output: String, _ node: Node, scale: Int
  ) throws(GraphError) {
    let affine = try affine(node, scale)
    quantizers[output] = affine
    graph.initializers["\(output)\0scale"] = Tensor(scalar: affine.scale)
    // The quantizer that is trained through counts codes from 0.
    graph.initializers["\(output)\0zero"] = Tensor(
      scalar: Int32(affine.zeroPoint - affine.codes.lowerBound))
    append(
      Node(
        "FakeQuantize", domain: OperatorDomain.lowBit,
        inputs: [raw, "\(output)\0scale", "\(output)\0zero"],
        outputs: [output], attributes: ["levels": .int(affine.codes.count)]))
  }

  // MARK: Numbers

  /// Scale and code of zero at a place of a node's inputs.
  private func affine(_ node: Node, _ place: Int) throws(GraphError) -> Affine {
    guard place < node.inputs.count, let scale = source.scalar(node.inputs[place]) else {
      throw unsupported(node, "activations with more scales than one")
    }
    guard place + 1 < node.inputs.count, let zero = source.initializers[node.inputs[place + 1]],
      let range = zero.elementType.integerRange, range.count <= 1 << 16
    else { return Affine(scale: scale, zeroPoint: 0, codes: 0...255) }
    guard zero.count == 1 else {
      throw unsupported(node, "activations with more codes of zero than one")
    }
    return Affine(scale: scale, zeroPoint: try codes(zero, node)[0], codes: range)
  }

  private func codes(_ tensor: Tensor, _ node: Node) throws(GraphError) -> [Int] {
    switch tensor.elementType {
    case .int8, .int4, .int2: tensor.array(of: Int8.self).map(Int.init)
    case .uint8, .uint4, .uint2: tensor.array(of: UInt8.self).map(Int.init)
    case .int16: tensor.array(of: Int16.self).map(Int.init)
    case .uint16: tensor.array(of: UInt16.self).map(Int.init)
    default: throw unsupported(node, "codes of \(tensor.elementType)")
    }
  }
}
