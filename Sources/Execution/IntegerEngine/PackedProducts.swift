import Graph
import Operations
import Quantization
import Tensors

/// Convolutions and matrix products of codes as convolutions of packed codes.
extension PackedWriter {
  /// QLinearConv with constant weights over one or two spatial dimensions.
  mutating func convolution(_ node: Node) throws -> Bool {
    guard (8...9).contains(node.inputs.count), node.attributes["channels_last"] == nil,
      let x = constants.quantizer(node.inputs[1], node.inputs[2]),
      let y = constants.quantizer(node.inputs[6], node.inputs[7]),
      let rank = constants.codes(node.inputs[3])?.rank, (3...4).contains(rank),
      let weights = PackedWeights(
        constants, codes: node.inputs[3], scale: node.inputs[4], zeroPoint: node.inputs[5]),
      let bias = bias(node.inputs.count > 8 ? node.inputs[8] : "", filters: weights.filters),
      let attributes = node.attributes.overTwoDimensions(rank: rank)
    else { return false }
    let groups = node.attributes["group"].flatMap { if case .int(let n) = $0 { n } else { nil } }
    let (channels, overflows) = weights.codes.shape[1].multipliedReportingOverflow(by: groups ?? 1)
    // The operator itself says what is wrong with such groups.
    guard !overflows, channels > 0 else { return false }
    let form = packed(node.inputs[0], x, channels: channels, rank: rank)
    try append(
      node, form, weights, attributes: attributes, bias: bias, alpha: 1, x, y, rank: rank,
      rowsOf: nil)
    return true
  }

  /// QGemm with a constant second factor.
  mutating func gemm(_ node: Node) throws -> Bool {
    guard node.inputs.count >= 6, node.int("transA") == 0,
      let x = constants.quantizer(node.inputs[1], node.inputs[2]),
      let weights = PackedWeights(
        constants, codes: node.inputs[3], scale: node.inputs[4], zeroPoint: node.inputs[5],
        columns: node.int("transB") == 0),
      let bias = bias(node.inputs.count > 6 ? node.inputs[6] : "", filters: weights.filters)
    else { return false }
    var alpha = Float(1)
    if case .float(let value)? = node.attributes["alpha"] { alpha = value }
    let channels = weights.codes.shape[1]
    guard node.inputs.count > 7, !node.inputs[7].isEmpty else {
      let form = packed(node.inputs[0], x, channels: channels, rank: 2)
      var scaled = weights
      scaled.scales = weights.scales.map { alpha * x.scale * $0 }
      appendFloatProduct(node, form, scaled, bias: bias)
      return true
    }
    guard node.inputs.count > 8 || x.type == .uint8,
      let y = constants.quantizer(node.inputs[7], node.inputs.count > 8 ? node.inputs[8] : nil)
    else { return false }
    let form = packed(node.inputs[0], x, channels: channels, rank: 2)
    try append(
      node, form, weights, attributes: [:], bias: bias, alpha: alpha, x, y, rank: 2, rowsOf: nil)
    return true
  }

  /// QLinearMatMul with a constant matrix on the right.
  mutating func product(_ node: Node) throws -> Bool {
    guard node.inputs.count == 8,
      let x = constants.quantizer(node.inputs[1], node.inputs[2]),
      let y = constants.quantizer(node.inputs[6], node.inputs[7]),
      let weights = PackedWeights(
        constants, codes: node.inputs[3], scale: node.inputs[4], zeroPoint: node.inputs[5],
        columns: true),
      let shape = reshapeTarget(of: node.inputs[0]), shape.count >= 2
    else { return false }
    let form = packedRows(node.inputs[0], x, channels: weights.codes.shape[1], shape: shape)
    try append(
      node, form, weights, attributes: [:], bias: "", alpha: 1, x, y, rank: 2,
      rowsOf: shape.count == 2 ? nil : shape.dropLast() + [weights.filters])
    return true
  }

  /// MatMulInteger with a constant matrix on the right: sums stay `int32`.
  mutating func integerProduct(_ node: Node) -> Bool {
    guard node.inputs.count >= 2,
      let type = values[node.inputs[0]]?.elementType, CodeTypes.all.contains(type),
      type.bitCount <= 8,
      let weights = PackedWeights(
        constants, codes: node.inputs[1], scale: nil,
        zeroPoint: node.inputs.count > 3 ? node.inputs[3] : "", columns: true),
      let shape = reshapeTarget(of: node.inputs[0]), shape.count >= 2
    else { return false }
    var x = ConstantQuantizer(scale: 1, zeroPoint: 0, type: type)
    if node.inputs.count > 2, !node.inputs[2].isEmpty {
      guard let zero = constants[node.inputs[2]], zero.count == 1 else { return false }
      x.zeroPoint = zero.integers()[0]
    }
    let form = packedRows(node.inputs[0], x, channels: weights.codes.shape[1], shape: shape)
    let sums = shape.count == 2 ? node.outputs[0] : unique("\(node.outputs[0])_rows")
    appendSums(node, form, weights, bias: "", writing: sums)
    if shape.count > 2 {
      let target = constant(.int64(shape.dropLast() + [weights.filters]), "\(sums)_shape")
      append(Node("Reshape", inputs: [sums, target], outputs: node.outputs))
    }
    return true
  }

  // MARK: Nodes

  private mutating func append(
    _ node: Node, _ x: PackedForm, _ weights: PackedWeights, attributes: [String: Attribute],
    bias: String, alpha: Float, _ input: ConstantQuantizer, _ output: ConstantQuantizer, rank: Int,
    rowsOf: [Int]?
  ) throws {
    let requantizer = requantizer(node)
    let rounding = try requantizer.rounding(
      input: alpha * input.scale, scales: weights.scales, output: output.scale)
    let written = write(weights, node.inputs[3])
    let parameters = rounding.parameters.map { parameter in
      parameter.map { constant($0, "\(node.outputs[0])_multiplier") } ?? ""
    }
    var (result, codes) = clipped(node.outputs[0], output)
    codes = try requantizer.codes(codes, zeroPoint: output.storedZeroPoint)
    note(node, x, weights, input: node.inputs[0], bias: bias, hasBorder: attributes.hasBorder)
    if !allowsOverflow { try requantizer.check(layers.last?.filters ?? []) }
    let facts = CodeFacts(channels: weights.filters, zeroPoint: output.storedZeroPoint)
    let pending = PendingConvolution(
      node: Node(
        name: node.name, "ConvolvePacked", domain: OperatorDomain.lowBit,
        inputs: [x.name] + written.inputs + [bias] + parameters, outputs: [],
        attributes: attributes.merging(x.facts.attributes()) { $1 }
          .merging(written.attributes) { $1 }
          .merging(["rounding": .string(rounding.name)]) { $1 }),
      result: result,
      form: PackedForm(name: "", facts: facts, type: output.type, rank: rank, rowsOf: rowsOf),
      epilogue: EpilogueFacts(result: facts, codes: codes), scale: output.scale)
    append(pending, mayWait: isSummand(result))
  }

  /// Exact sums, scaled to floats, as QGemm without a result's scale means them.
  private mutating func appendFloatProduct(
    _ node: Node, _ x: PackedForm, _ weights: PackedWeights, bias: String
  ) {
    let result = node.outputs[0]
    var sums = unique("\(result)_sums")
    appendSums(node, x, weights, bias: bias, writing: sums)
    if !bias.isEmpty {
      let biased = unique("\(result)_biased")
      append(Node("Add", inputs: [sums, bias], outputs: [biased]))
      sums = biased
    }
    let wide = unique("\(result)_wide")
    // 1 is ONNX's number of float32.
    append(Node("Cast", inputs: [sums], outputs: [wide], attributes: ["to": .int(1)]))
    let scale = constant(
      Tensor(weights.scales, shape: weights.scales.count == 1 ? [] : [weights.filters]),
      "\(result)_scale")
    append(Node("Mul", inputs: [wide, scale], outputs: [result]))
  }

  private mutating func appendSums(
    _ node: Node, _ x: PackedForm, _ weights: PackedWeights, bias: String, writing sums: String
  ) {
    note(node, x, weights, input: node.inputs[0], bias: bias, hasBorder: false)
    let written = write(weights, node.outputs[0])
    append(
      Node(
        name: node.name, "SumPacked", domain: OperatorDomain.lowBit,
        inputs: [x.name] + written.inputs,
        outputs: [sums],
        attributes: x.facts.attributes().merging(written.attributes) { $1 }
          .merging(["rank": .int(2)]) { $1 }))
  }

  // MARK: Operands

  /// The bias as `int32` `[M]`, `""` where there is none; `nil` where it is not constant.
  private mutating func bias(_ name: String, filters: Int) -> String? {
    guard !name.isEmpty else { return "" }
    guard let tensor = constants[name], tensor.elementType == .int32,
      tensor.count == 1 || tensor.count == filters && tensor.shape.last == filters
    else { return nil }
    if tensor.shape == [filters] { return name }
    let values = tensor.array(of: Int32.self)
    return constant(
      Tensor(values.count == filters ? values : Array(repeating: values[0], count: filters)), name)
  }

  /// The shape of `value` for a Reshape: at most one extent is open.
  func reshapeTarget(of value: String) -> [Int]? {
    guard let shape = values[value]?.shape else { return nil }
    let extents = shape.map { dimension in
      if case .fixed(let extent) = dimension { extent } else { -1 }
    }
    return extents.count { $0 == -1 } <= 1 && !extents.contains(0) ? extents : nil
  }
}

extension Node {
  /// An integer attribute that is 0 where it is left out.
  fileprivate func int(_ name: String) -> Int {
    if case .int(let value)? = attributes[name] { value } else { 0 }
  }
}

extension [String: Attribute] {
  /// The attributes of a convolution over `rank - 2` dimensions for two; `nil` for other ranks.
  fileprivate func overTwoDimensions(rank: Int) -> Self? {
    var attributes = self
    attributes["channels_last"] = nil
    if rank == 4 { return attributes }
    guard rank == 3 else { return nil }
    for (name, missing) in [("kernel_shape", 1), ("strides", 1), ("dilations", 1)] {
      if case .ints(let list)? = attributes[name] { attributes[name] = .ints([missing] + list) }
    }
    if case .ints(let pads)? = attributes["pads"], pads.count == 2 {
      attributes["pads"] = .ints([0, pads[0], 0, pads[1]])
    }
    return attributes
  }
}
