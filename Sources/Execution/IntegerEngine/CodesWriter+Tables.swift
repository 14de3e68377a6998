import Graph
import Operations
import Quantization
import Tensors

/// Functions of one 8-bit code as tables with an entry for every code.
///
/// The entries are what the nodes themselves compute on the reference, so a table is exact whatever
/// they are.
extension CodesWriter {
  /// A table in place of `function` and the quantizer `node`; `false` when the constants in between
  /// do not fit one table a channel.
  mutating func writeTable(_ function: HeldFunction, _ node: Node) throws -> Bool {
    let source = function.source
    var inner = Graph(opsets: self.source.opsets, nodes: [])
    inner.nodes = [
      Node(
        "DequantizeLinear", inputs: ["\0codes", source.scale] + source.zeroPoint,
        outputs: ["\0floats"])
    ]
    var channels: (axis: Int, extent: Int)?
    for step in function.nodes {
      var copy = step
      for (position, input) in step.inputs.enumerated() where !input.isEmpty {
        if heldCodes(input)?.name == source.name { copy.inputs[position] = "\0floats" }
        guard let needed = constantNodes(of: input) else { continue }
        guard add(needed, of: input, to: &inner, for: step, position, &channels) else {
          return false
        }
      }
      inner.nodes.append(copy)
    }
    var last = node
    last.inputs[0] = function.nodes.last?.outputs[0] ?? "\0floats"
    last.outputs = ["\0table"]
    if mode != .float { last = Node("Identity", inputs: [last.inputs[0]], outputs: ["\0table"]) }
    inner.nodes.append(last)
    for name in node.inputs.dropFirst() + [source.scale] + source.zeroPoint {
      inner.initializers[name] = constants[name]
    }
    return try write(
      tableOf: inner, source, channels, node,
      by: constants.quantizer(node.inputs[1], node.inputs.count > 2 ? node.inputs[2] : nil))
  }

  /// A table in place of an operator on codes whose only operand that is no constant are 8-bit codes.
  mutating func tabulate(_ node: Node) throws -> Bool {
    guard node.domain == "com.microsoft", node.outputs.count == 1,
      ["QLinearSigmoid", "QLinearLeakyRelu", "QLinearAdd", "QLinearMul"].contains(
        node.operatorType)
    else { return false }
    let isPair = node.inputs.count > 5
    let open = [0, 3].filter { $0 == 0 || isPair }.filter {
      node.inputs.count > $0 && constants[node.inputs[$0]] == nil
    }
    guard open.count == 1, let place = open.first, place + 2 < node.inputs.count,
      let quantizer = constants.quantizer(node.inputs[place + 1], node.inputs[place + 2]),
      quantizer.isByte
    else { return false }
    let end = isPair ? 6 : 3
    guard node.inputs.count > end else { return false }
    var inner = Graph(opsets: source.opsets, nodes: [node])
    inner.nodes[0].inputs[place] = "\0codes"
    inner.nodes[0].outputs = ["\0table"]
    if mode != .float { inner.nodes = inner.nodes[0].betweenQuantizers(isPair ? [0, 3] : [0]) }
    var channels: (axis: Int, extent: Int)?
    for (position, name) in node.inputs.enumerated() where position != place && !name.isEmpty {
      guard let tensor = constants[name] else { return false }
      inner.initializers[name] = tensor
      if isPair, position == 3 - place,
        !fits(tensor.shape, node.inputs[place], &channels)
      {
        return false
      }
    }
    let codes = HeldCodes(
      name: float(node.inputs[place]), scale: node.inputs[place + 1],
      zeroPoint: [node.inputs[place + 2]], quantizer: quantizer)
    return try write(
      tableOf: inner, codes, channels, node,
      by: constants.quantizer(
        node.inputs[end], node.inputs.count > end + 1 ? node.inputs[end + 1] : nil),
      original: node.inputs[place])
  }

  /// Computes the table and writes a node that looks codes up in it. Where `inner` ends in floats, as
  /// in all arithmetics but ``Quantization/Requantization/float``, `quantizer` makes codes of them.
  private mutating func write(
    tableOf inner: Graph, _ source: HeldCodes, _ channels: (axis: Int, extent: Int)?, _ node: Node,
    by quantizer: ConstantQuantizer?, original: String? = nil
  ) throws -> Bool {
    var inner = inner
    var shape = [256]
    if let channels {
      guard let rank = rank(of: original ?? node.inputs[0]) ?? rank(of: source.name) else {
        return false
      }
      shape = Array(repeating: 1, count: rank)
      shape[channels.axis] = channels.extent
      shape[channels.axis == 0 ? 1 : 0] = 256
    }
    let type = source.quantizer.type
    inner.inputs = [
      ValueInfo(name: "\0codes", elementType: type, shape: shape.map { .fixed($0) })
    ]
    inner.outputs = [
      ValueInfo(name: "\0table", elementType: mode == .float ? type : .float32)
    ]
    let entries = Tensor.everyCode(type, shape: shape, channelsFirst: channels?.axis == 0)
    let executor = try Executor(inner, on: ReferenceBackend.shared)
    guard var table = try executor.run(["\0codes": entries])["\0table"] else { return false }
    if mode != .float {
      guard let quantizer, quantizer.isByte, table.elementType == .float32 else { return false }
      let range = clipped(node.outputs[0], quantizer).1
      table = try requantizer(node).quantized(table, quantizer, range: range)
    }
    guard CodeTypes.bytes.contains(table.elementType) else { return false }
    let resultType = table.elementType
    if let channels {
      table = table.reshaped(
        to: channels.axis == 0 ? [channels.extent, 256] : [256, channels.extent])
      if channels.axis != 0 { table = ReferenceBackend.shared.transpose(table, [1, 0]) }
    }
    let bytes = table.withBytes {
      Tensor(Array($0), shape: channels == nil ? [256] : table.shape)
    }
    append(
      Node(
        name: node.name, "MapCodes", domain: OperatorDomain.lowBit,
        inputs: [source.name, constant(bytes, "\(node.outputs[0])_table")], outputs: node.outputs,
        attributes: [
          "type": .string("\(resultType)"), "axis": .int(channels?.axis ?? 1),
        ]))
    return true
  }

  // MARK: Constants

  /// The nodes that make a constant of constants, in order; empty for an initializer, `nil` for what
  /// is not constant.
  func constantNodes(of value: String) -> [Node]? {
    if constants[value] != nil { return [] }
    guard !index.inputs.contains(value), let writer = index.writer[value],
      case let node = index.nodes[writer],
      ["Cast", "DequantizeLinear", "Constant", "Identity"].contains(node.operatorType)
    else { return nil }
    var needed: [Node] = []
    for input in node.inputs where !input.isEmpty {
      guard let before = constantNodes(of: input) else { return nil }
      needed += before.filter { !needed.contains($0) }
    }
    return needed + [node]
  }

  /// Adds what makes the constant operand `input` of `step` to `inner`, if it is one number or one a
  /// channel.
  private func add(
    _ needed: [Node], of input: String, to inner: inout Graph, for step: Node, _ position: Int,
    _ channels: inout (axis: Int, extent: Int)?
  ) -> Bool {
    for name in needed.flatMap(\.inputs) + [input] {
      if let tensor = constants[name] { inner.initializers[name] = tensor }
    }
    for node in needed where !inner.nodes.contains(node) { inner.nodes.append(node) }
    guard let shape = shape(ofConstant: input, needed) else { return false }
    if step.operatorType == "BatchNormalization" {
      return merge((axis: 1, extent: shape.reduce(1, *)), into: &channels)
    }
    let floats = step.inputs.first { constantNodes(of: $0) == nil } ?? ""
    return fits(shape, floats, &channels)
  }

  private func shape(ofConstant input: String, _ needed: [Node]) -> [Int]? {
    if let tensor = constants[input] { return tensor.shape }
    guard let first = needed.first else { return nil }
    if first.operatorType == "Constant" {
      if case .tensor(let tensor)? = first.attributes["value"] { return tensor.shape }
      return nil
    }
    return first.inputs.first.flatMap { constants[$0]?.shape }
  }

  /// Whether a constant of `shape` beside `value` is one number or one for each index of an axis.
  func fits(
    _ shape: [Int], _ value: String, _ channels: inout (axis: Int, extent: Int)?
  ) -> Bool {
    if shape.reduce(1, *) == 1 { return shape.count <= (rank(of: value) ?? 0) || shape.isEmpty }
    guard let rank = rank(of: value), rank >= 2, shape.count <= rank,
      shape.count(where: { $0 != 1 }) == 1, let place = shape.firstIndex(where: { $0 != 1 })
    else { return false }
    return merge((axis: place + rank - shape.count, extent: shape[place]), into: &channels)
  }

  private func merge(
    _ found: (axis: Int, extent: Int), into channels: inout (axis: Int, extent: Int)?
  ) -> Bool {
    guard let known = channels else {
      channels = found
      return true
    }
    return known == found
  }
}

extension Tensor {
  /// All 256 codes, by their bytes, along one axis of `shape` and repeated over the others.
  fileprivate static func everyCode(
    _ type: ElementType, shape: [Int], channelsFirst: Bool
  ) -> Tensor {
    let count = shape.reduce(1, *)
    let repeats = count / 256
    let bytes = (0..<count).map { UInt8(channelsFirst ? $0 % 256 : $0 / repeats) }
    return type == .int8
      ? Tensor(bytes.map { Int8(bitPattern: $0) }, shape: shape) : Tensor(bytes, shape: shape)
  }
}

extension Node {
  /// ONNX Runtime's operator on codes as ONNX's on floats, with a DequantizeLinear before each of its
  /// operands, which begin at `places`.
  fileprivate func betweenQuantizers(_ places: [Int]) -> [Node] {
    let floats = places.map { "\0floats\($0)" }
    let before = zip(places, floats).map { place, name in
      Node(
        "DequantizeLinear", inputs: Array(inputs[place...(place + 2)]), outputs: [name])
    }
    return before
      + [
        Node(
          String(operatorType.dropFirst("QLinear".count)), inputs: floats, outputs: outputs,
          attributes: attributes)
      ]
  }
}
