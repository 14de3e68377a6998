import Graph
import Operations
import Tensors

/// Operators that move elements, on packed codes.
extension PackedWriter {
  private static let movers: Set<String> = [
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Pad", "Reshape", "Resize", "Slice",
    "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Upsample",
  ]

  private static let readersOfPacked: Set<String> = [
    "MapCodes", "MaxPool", "QGemm", "QLinearAdd", "QLinearAveragePool", "QLinearConv",
    "QLinearGlobalAveragePool", "QLinearMatMul", "QLinearMul", "MatMulInteger",
  ]

  /// A node that moves codes of which some are packed already, of which two to four dimensions come out,
  /// and whose result somebody reads packed, maybe by way of others.
  mutating func move(_ node: Node) -> Bool {
    guard node.domain.isEmpty, Self.movers.contains(node.operatorType),
      let first = node.inputs.first,
      let opset = source.opset(of: ""), !node.isResampling || node.isNearest
    else { return false }
    let data = node.operatorType == "Concat" ? node.inputs : [first]
    let others = node.inputs.dropFirst(data.count)
    guard others.allSatisfy({ $0.isEmpty || constants[$0] != nil }),
      node.outputs.contains(where: { isReadPacked($0) }),
      let channels = node.outputs.map({ packedChannels(of: $0) }).allPresent(),
      let known = data.compactMap({ existingForm(of: $0) }).first, known.rowsOf == nil,
      known.facts.bits == 8, let filling = filling(of: node, known.type),
      let forms = partForms(data, like: known)
    else { return false }
    var body = node
    body.inputs = data.indices.map { "part\($0)" }
    body.outputs = node.outputs.indices.map { "result\($0)" }
    var inputs = forms.map(\.name)
    for (place, name) in others.enumerated() {
      let isFilled = node.operatorType == "Pad" && place == 1
      body.inputs.append(name.isEmpty ? "" : isFilled ? MovePacked.filling : "other\(place)")
      if !name.isEmpty, !isFilled { inputs.append(name) }
    }
    var graph = Graph(opsets: ["": opset], nodes: [body])
    graph.inputs = body.inputs.filter { !$0.isEmpty }.map {
      ValueInfo(name: $0, elementType: .uint8)
    }
    noteRange(node)
    let outputs = zip(node.outputs, channels).map { output, channels in
      var form = known
      form.facts.channels = channels.count
      form.rank = channels.rank
      return define(output, as: form)
    }
    append(
      Node(
        name: node.name, "MovePacked", domain: OperatorDomain.lowBit, inputs: inputs,
        outputs: outputs,
        attributes: [
          "body": .graph(graph), "channels": .ints(forms.map(\.facts.channels)),
          "rank": .int(known.rank), "filling": .int(filling),
        ]))
    return true
  }

  /// Whether an operator on packed codes reads `value`, as it is or moved.
  private func isReadPacked(_ value: String) -> Bool {
    var open = [value]
    var seen: Set<String> = []
    while let next = open.popLast() {
      guard seen.insert(next).inserted else { continue }
      for node in (index.readers[next] ?? []).map({ index.nodes[$0] }) {
        if Self.readersOfPacked.contains(node.operatorType) { return true }
        if Self.movers.contains(node.operatorType) { open += node.outputs }
      }
    }
    return false
  }

  /// The channels and dimensions of a value as it can be packed.
  private func packedChannels(of value: String) -> (count: Int, rank: Int)? {
    guard let shape = values[value]?.shape, (2...4).contains(shape.count),
      case .fixed(let channels) = shape[1], channels > 0
    else { return nil }
    return (channels, shape.count)
  }

  /// The packed forms of the parts, which are packed where they are not.
  private mutating func partForms(_ data: [String], like known: PackedForm) -> [PackedForm]? {
    let quantizer = ConstantQuantizer(scale: 1, zeroPoint: -known.offset, type: known.type)
    guard data.allSatisfy({ isPackable($0, like: known) }),
      let channels = data.map({ packedChannels(of: $0) }).allPresent()
    else { return nil }
    return zip(data, channels).map { value, channels in
      existingForm(of: value)
        ?? packed(value, quantizer, channels: channels.count, rank: channels.rank)
    }
  }

  private mutating func isPackable(_ value: String, like known: PackedForm) -> Bool {
    if let form = existingForm(of: value) {
      return form.type == known.type && form.rank == known.rank && form.rowsOf == nil
        && form.facts.bits == 8
    }
    return constants[value] == nil && values[value]?.elementType == known.type
      && values[value]?.shape?.count == known.rank
  }

  /// The code, as stored, that a Pad fills with; 0 for other operators, `nil` where it is not known.
  private func filling(of node: Node, _ type: ElementType) -> Int? {
    let mode = node.attributes["mode"] ?? .string("constant")
    guard node.operatorType == "Pad", mode == .string("constant") else { return 0 }
    return paddingCode(of: node, type)
  }

  /// The code, as stored, that a Pad in the mode `constant` fills with.
  func paddingCode(of node: Node, _ type: ElementType) -> Int? {
    // Before operator set 11 it is an attribute.
    guard CodeTypes.bytes.contains(type), node.inputs.count > 2,
      let value = constants[node.inputs[2]], value.count == 1, value.elementType == type
    else { return nil }
    return value.integers()[0] + type.codeOffset(bits: 8)
  }
}

extension Array {
  /// The elements, if none is missing.
  fileprivate func allPresent<Wrapped>() -> [Wrapped]? where Element == Wrapped? {
    let present = compactMap { $0 }
    return present.count == count ? present : nil
  }
}
