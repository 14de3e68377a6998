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
        name: node.name, "MapCodes", domain: packedDomain, inputs: [source, entries],
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
        name: node.name, "MapCodes", domain: packedDomain, inputs: [source, entries],
        outputs: [name],
        attributes: [
          "type": .string("uint8"), "axis": .int(3), "channels": .int(form.facts.channels),
        ]))
    return true
  }

  /// QLinearAdd or QLinearMul of tensors of which one is packed already.
  mutating func combine(_ node: Node, _ operatorType: String) -> Bool {
    guard var pair = Summands(node, constants),
      var shape = values[pair.a.value]?.shape, let otherShape = values[pair.b.value]?.shape
    else { return false }
    let isPixel = { (shape: [Dimension]) in
      shape.count == 4 && shape[2] == .fixed(1) && shape[3] == .fixed(1)
    }
    if shape != otherShape {
      if isPixel(shape), !isPixel(otherShape) {
        swap(&pair.a, &pair.b)
        shape = otherShape
      } else if !isPixel(otherShape) {
        return false
      }
      guard values[pair.a.value]?.shape?.prefix(2) == values[pair.b.value]?.shape?.prefix(2) else {
        return false
      }
    }
    guard !shape.contains(.unknown),
      let known = existingForm(of: pair.a.value) ?? existingForm(of: pair.b.value),
      known.facts.bits == 8
    else { return false }
    let channels = known.facts.channels
    let a: PackedForm
    let b: PackedForm
    if let rows = known.rowsOf {
      a = packedRows(pair.a.value, pair.a.quantizer, channels: channels, shape: rows)
      b = packedRows(pair.b.value, pair.b.quantizer, channels: channels, shape: rows)
    } else {
      a = packed(pair.a.value, pair.a.quantizer, channels: channels, rank: known.rank)
      b = packed(pair.b.value, pair.b.quantizer, channels: channels, rank: known.rank)
    }
    let (result, codes) = clipped(node.outputs[0], pair.sum)
    let scaling = CodeScaling(
      scale: pair.sum.scale, zeroPoint: pair.sum.storedZeroPoint, codes: codes)
    var form = a
    form.type = pair.sum.type
    form.facts.zeroPoint = scaling.zeroPoint
    var attributes = scaling.attributes
    attributes["scale"] = .float(pair.a.quantizer.scale)
    attributes["other_scale"] = .float(pair.b.quantizer.scale)
    attributes.merge(a.facts.attributes()) { $1 }
    attributes.merge(b.facts.attributes("other_")) { $1 }
    let name = define(result, as: form)
    ranges[result] = codes
    append(
      Node(
        name: node.name, operatorType, domain: packedDomain, inputs: [a.name, b.name],
        outputs: [name], attributes: attributes))
    return true
  }

  /// A pool of codes that are packed already.
  mutating func pool(_ node: Node, _ operatorType: String) -> Bool {
    guard node.outputs.count == 1, var form = existingForm(of: node.inputs[0]),
      form.facts.bits == 8, form.rank == 4, form.rowsOf == nil
    else { return false }
    var attributes = node.attributes
    attributes["channels_last"] = nil
    if node.attributes["channels_last"] ?? .int(0) != .int(0) { return false }
    let facts: CodeFacts
    if operatorType == "MaxPoolPacked" {
      facts = form.facts
      ranges[node.outputs[0]] = ranges[node.inputs[0]]
    } else {
      guard node.inputs.count >= 4, let x = constants.quantizer(node.inputs[1], node.inputs[2]),
        let y = constants.quantizer(
          node.inputs[3], node.inputs.count > 4 ? node.inputs[4] : nil), x.type == y.type
      else { return false }
      facts = CodeFacts(channels: form.facts.channels, zeroPoint: x.storedZeroPoint)
      form.facts.zeroPoint = y.storedZeroPoint
      attributes.merge(
        CodeScaling(scale: y.scale, zeroPoint: y.storedZeroPoint).attributes
      ) { $1 }
      attributes["scale"] = .float(x.scale)
    }
    let source = form.name
    let name = define(node.outputs[0], as: form)
    append(
      Node(
        name: node.name, operatorType, domain: packedDomain, inputs: [source], outputs: [name],
        attributes: attributes.merging(facts.attributes()) { $1 }))
    return true
  }

  /// A Concat along the channels of codes that all are packed already.
  mutating func concatenate(_ node: Node) -> Bool {
    let forms = node.inputs.map { existingForm(of: $0) }.compactMap { $0 }
    guard node.attributes["axis"] == .int(1), forms.count == node.inputs.count,
      var form = forms.first,
      forms.allSatisfy({
        $0.type == form.type && $0.rank == form.rank && $0.rowsOf == nil && $0.facts.bits == 8
      })
    else { return false }
    form.facts.channels = forms.reduce(0) { $0 + $1.facts.channels }
    noteRange(node)
    let name = define(node.outputs[0], as: form)
    append(
      Node(
        name: node.name, "ConcatenatePacked", domain: packedDomain, inputs: forms.map(\.name),
        outputs: [name], attributes: ["channels": .ints(forms.map(\.facts.channels))]))
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
