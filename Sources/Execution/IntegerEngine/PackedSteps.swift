import Graph
import Operations
import Tensors

/// Operators between convolutions on packed codes.
extension PackedWriter {
  /// A table on codes that are packed already.
  mutating func map(_ node: Node) -> Bool {
    guard node.inputs.count == 2, let table = constants[node.inputs[1]],
      var form = existingForm(of: node.inputs[0]), form.facts.bits == 8,
      case .string(let word)? = node.attributes["type"],
      let type = CodeTypes.bytes.first(where: { "\($0)" == word })
    else { return false }
    if table.rank == 2 {
      guard case .int(let axis)? = node.attributes["axis"] else { return false }
      let place = form.rowsOf.map { $0.count - 1 } ?? 1
      guard axis == place, table.shape[0] == form.facts.channels else { return false }
    }
    let input = form.name
    let stored = restored(table, form.type, type)
    let entries256 = stored.array(of: UInt8.self)
    let reached = entries256.indices.filter { range(of: node.inputs[0]).contains($0 % 256) }
      .map { Int(entries256[$0]) }
    if let low = reached.min(), let high = reached.max() { ranges[node.outputs[0]] = low...high }
    form.type = type
    // What the reader of the codes takes for zero is the reader's to say.
    form.facts.zeroPoint = 0
    let (source, entries) = (input, constant(stored, node.inputs[1]))
    let facts = form.facts
    let name = define(node.outputs[0], as: form)
    append(
      Node(
        name: node.name, "MapCodes", domain: OperatorDomain.lowBit, inputs: [source, entries],
        outputs: [name],
        attributes: [
          "type": .string("uint8"), "axis": .int(3), "channels": .int(facts.channels),
        ]))
    return true
  }

  /// `table` from the bytes of plain codes to the bytes of packed ones, which are unsigned.
  private func restored(_ table: Tensor, _ from: ElementType, _ to: ElementType) -> Tensor {
    let flip = (index: from == .int8 ? 128 : 0, entry: to == .int8 ? UInt8(128) : 0)
    let entries = table.array(of: UInt8.self)
    return Tensor(
      entries.indices.map { entries[$0 ^ flip.index] ^ flip.entry }, shape: table.shape)
  }

  /// A Clip of codes that are packed already, as a table.
  mutating func clip(_ node: Node) -> Bool {
    guard let form = existingForm(of: node.inputs[0]), form.facts.bits == 8,
      let range = codeBounds(of: node, form.type)
    else { return false }
    let table = Tensor((0...255).map { UInt8(min(max($0, range.lowerBound), range.upperBound)) })
    var result = form
    let source = form.name
    result.facts.zeroPoint = form.facts.zeroPoint
    if range.overlaps(self.range(of: node.inputs[0])) {
      ranges[node.outputs[0]] = range.clamped(to: self.range(of: node.inputs[0]))
    }
    let entries = constant(table, "\(node.outputs[0])_table")
    let name = define(node.outputs[0], as: result)
    append(
      Node(
        name: node.name, "MapCodes", domain: OperatorDomain.lowBit, inputs: [source, entries],
        outputs: [name],
        attributes: [
          "type": .string("uint8"), "axis": .int(3), "channels": .int(form.facts.channels),
        ]))
    return true
  }

  /// A Flatten or Reshape of one pixel an image to `[N, C]` moves nothing.
  mutating func flatten(_ node: Node) -> Bool {
    guard var form = existingForm(of: node.inputs[0]), form.rowsOf == nil, form.rank == 4,
      let shape = values[node.inputs[0]]?.shape, shape.count == 4,
      shape[2] == .fixed(1), shape[3] == .fixed(1),
      let result = values[node.outputs[0]]?.shape, result == Array(shape.prefix(2)),
      !result.contains(.unknown)
    else { return false }
    let source = form.name
    form.rank = 2
    let name = define(node.outputs[0], as: form)
    append(Node("Identity", inputs: [source], outputs: [name]))
    return true
  }
}
