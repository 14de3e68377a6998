import Graph
import Operations
import Quantization
import Tensors

/// Sums, products and pools of packed codes.
extension PackedWriter {
  /// QLinearAdd or QLinearMul of tensors of which one is packed already; in arithmetics that ONNX's
  /// operators do not have, of any.
  mutating func combine(_ node: Node) throws -> Bool {
    guard let pair = orderedPair(node), let shape = values[pair.a.value]?.shape,
      !shape.contains(.unknown), let lie = layout(of: pair, shape)
    else { return false }
    let a: PackedForm
    let b: PackedForm
    if let rows = lie.rowsOf {
      a = packedRows(pair.a.value, pair.a.quantizer, channels: lie.channels, shape: rows)
      b = packedRows(pair.b.value, pair.b.quantizer, channels: lie.channels, shape: rows)
    } else {
      a = packed(pair.a.value, pair.a.quantizer, channels: lie.channels, rank: lie.rank)
      b = packed(pair.b.value, pair.b.quantizer, channels: lie.channels, rank: lie.rank)
    }
    let requantizer = requantizer(node)
    let units = (pair.a.quantizer.scale, pair.b.quantizer.scale)
    let combination =
      node.operatorType == "QLinearAdd"
      ? try requantizer.sum(units.0, units.1, result: pair.sum.scale)
      : try requantizer.product(units.0, units.1, result: pair.sum.scale)
    let (result, whole) = clipped(node.outputs[0], pair.sum)
    let scaling = CodeScaling(
      scale: pair.sum.scale, zeroPoint: pair.sum.storedZeroPoint,
      codes: try requantizer.codes(whole, zeroPoint: pair.sum.storedZeroPoint))
    var form = a
    form.type = pair.sum.type
    form.facts.zeroPoint = scaling.zeroPoint
    var attributes = scaling.attributes
    attributes.merge(combination.attributes) { $1 }
    attributes.merge(a.facts.attributes()) { $1 }
    attributes.merge(b.facts.attributes("other_")) { $1 }
    let name = define(result, as: form)
    ranges[result] = scaling.codes
    append(
      Node(
        name: node.name, combination.operatorType, domain: OperatorDomain.lowBit,
        inputs: [a.name, b.name], outputs: [name], attributes: attributes))
    return true
  }

  /// The operands, one that has a pixel an image last; `nil` where their shapes do not fit.
  private func orderedPair(_ node: Node) -> Summands? {
    guard var pair = Summands(node, constants), let shape = values[pair.a.value]?.shape,
      let other = values[pair.b.value]?.shape
    else { return nil }
    if shape == other { return pair }
    let isPixel = { (shape: [Dimension]) in
      shape.count == 4 && shape[2] == .fixed(1) && shape[3] == .fixed(1)
    }
    if isPixel(shape), !isPixel(other) {
      swap(&pair.a, &pair.b)
    } else if !isPixel(other) {
      return nil
    }
    return shape.prefix(2) == other.prefix(2) && shape.count == other.count ? pair : nil
  }

  /// How the operands of `pair`, of `shape`, are packed.
  private mutating func layout(
    of pair: Summands, _ shape: [Dimension]
  ) -> (channels: Int, rank: Int, rowsOf: [Int]?)? {
    if let known = existingForm(of: pair.a.value) ?? existingForm(of: pair.b.value) {
      guard known.facts.bits == 8 else { return nil }
      return (known.facts.channels, known.rank, known.rowsOf)
    }
    guard mode != .float, (2...4).contains(shape.count), case .fixed(let channels) = shape[1],
      channels > 0
    else { return nil }
    return (channels, shape.count, nil)
  }

  /// A pool of codes that are packed already; in arithmetics that ONNX's operators do not have, of any.
  mutating func pool(_ node: Node, _ operatorType: String) throws -> Bool {
    guard node.outputs.count == 1, node.attributes["channels_last"] ?? .int(0) == .int(0),
      var form = try pooledForm(node, operatorType), form.facts.bits == 8, form.rank == 4,
      form.rowsOf == nil
    else { return false }
    var attributes = node.attributes
    attributes["channels_last"] = nil
    let facts: CodeFacts
    if operatorType == "MaxPoolPacked" {
      facts = form.facts
      ranges[node.outputs[0]] = ranges[node.inputs[0]]
    } else {
      guard let (x, y) = poolQuantizers(node) else { return false }
      facts = CodeFacts(channels: form.facts.channels, zeroPoint: x.storedZeroPoint)
      form.facts.zeroPoint = y.storedZeroPoint
      let requantizer = requantizer(node)
      let scaling = CodeScaling(
        scale: y.scale, zeroPoint: y.storedZeroPoint,
        codes: try requantizer.codes(y.type.storedCodes, zeroPoint: y.storedZeroPoint))
      attributes.merge(scaling.attributes) { $1 }
      attributes["scale"] = .float(x.scale)
      if let function = try requantizer.average(unit: x.scale, to: scaling, countsBorder: false) {
        attributes.merge(function.integerAttributes) { $1 }
      }
      ranges[node.outputs[0]] = scaling.codes
    }
    let source = form.name
    let name = define(node.outputs[0], as: form)
    append(
      Node(
        name: node.name, operatorType, domain: OperatorDomain.lowBit, inputs: [source],
        outputs: [name], attributes: attributes.merging(facts.attributes()) { $1 }))
    return true
  }

  /// The quantizers of an average pool's operand and result.
  private func poolQuantizers(_ node: Node) -> (ConstantQuantizer, ConstantQuantizer)? {
    guard node.inputs.count >= 4, let x = constants.quantizer(node.inputs[1], node.inputs[2]),
      let y = constants.quantizer(
        node.inputs[3], node.inputs.count > 4 ? node.inputs[4] : nil), x.type == y.type
    else { return nil }
    return (x, y)
  }

  /// The packed operand of a pool.
  private mutating func pooledForm(_ node: Node, _ operatorType: String) throws -> PackedForm? {
    if let form = existingForm(of: node.inputs[0]) { return form }
    guard mode != .float, operatorType != "MaxPoolPacked", let (x, _) = poolQuantizers(node),
      let shape = values[node.inputs[0]]?.shape, shape.count == 4,
      case .fixed(let channels) = shape[1], channels > 0
    else { return nil }
    return packed(node.inputs[0], x, channels: channels, rank: 4)
  }
}
