internal import Bitstream
public import Graph
internal import Execution
internal import Tensors

extension ReceivedNetwork.Part {
  /// The most elements that constants can have whose numbers the messages hold: codes, and for each
  /// scale itself and a code of zero.
  var signalledElements: Int {
    tensors.reduce(0) { $0 + $1.values.count }
      + quantizers.quantizers.reduce(0) { $0 + 2 * $1.scales.count }
  }
}

extension ReceivedNetwork {
  /// The graph that the messages describe, its operators included.
  ///
  /// - Throws: `BitstreamError` where the base carries no operators, and as ``rebuilt(on:)``.
  public func rebuilt() throws -> Graph {
    if base.topology == nil, case .uri(_, let uri) = base.characteristics.payload {
      throw BitstreamError(
        byte: 0, element: "nnpfc_uri",
        "operators and tensors of the base are not in the stream but at \(uri)")
    }
    guard let bytes = base.topology else {
      throw BitstreamError(
        byte: 0, element: "topology_data",
        "the base carries no operators; a model with the same operators is needed")
    }
    let message = base.quantizers
    var topology = try inside("topology_data") { () throws(BitstreamError) in
      try NetworkTopology.graph(bytes, limit: base.signalledElements)
    }
    topology.metadata[ArithmeticMode.property] = message.mode.property
    do {
      try topology.requireFilterOperators()
      try topology.requireFilterSizes()
      return try rebuilt(on: topology)
    } catch let error as GraphError {
      // There is no model that could be wrong, only the stream.
      throw BitstreamError(byte: 0, element: "topology_data", error.description)
    }
  }

  /// The graph that the messages describe.
  ///
  /// - Parameter topology: A graph with the same operators in the same order, the same attributes and
  ///   other constants; inputs may have other extents. Of what is signalled it needs nothing but types
  ///   and shapes.
  /// - Throws: `BitstreamError` where messages contradict themselves, do not fit the graph, miss
  ///   numbers, or state a checksum or an accumulator's width that the result has not; `GraphError` when
  ///   the graph is another one.
  public func rebuilt(on topology: Graph) throws -> Graph {
    let operands = try topology.signalledOperands()
    let checksum = try topology.signalledTopologyChecksum(operands)
    var rebuilding = Rebuilding(topology, operands)
    for part in [base, update].compactMap({ $0 }) {
      let message = part.quantizers
      guard message.topologyChecksum == checksum else {
        throw GraphError.invalid(
          "the model's operators, their order, the shapes of its constants or what is not signalled of "
            + "them are not those that the messages are for: their checksum is \(hexadecimal(checksum)), the messages state "
            + hexadecimal(message.topologyChecksum))
      }
      let mode = ArithmeticMode(property: topology.metadata[ArithmeticMode.property])
      guard mode == message.mode else {
        throw GraphError.invalid(
          "the model is computed in mode '\(mode?.name ?? "unknown")', the messages are for "
            + "'\(message.mode.name)'")
      }
      try rebuilding.apply(part)
    }
    try rebuilding.requireAll()
    let graph = rebuilding.graph
    let found = graph.signalledChecksum(operands)
    let stated = (update ?? base).quantizers
    guard found == stated.modelChecksum else {
      throw BitstreamError(
        byte: 0, element: "nnq_model_crc",
        "the checksum of the received numbers is \(hexadecimal(found)), the message states "
          + hexadecimal(stated.modelChecksum))
    }
    try graph.requireAccumulators(within: stated.accumulatorBits)
    return graph
  }
}

/// Eight digits.
private func hexadecimal(_ checksum: UInt32) -> String {
  let digits = String(checksum, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}

/// A graph whose signalled numbers are replaced.
private struct Rebuilding {
  var graph: Graph
  let operands: [SignalledOperand]
  /// Initializers that have been received.
  private var received: Set<String> = []

  init(_ graph: Graph, _ operands: [SignalledOperand]) {
    self.graph = graph
    self.operands = operands
  }

  mutating func apply(_ part: ReceivedNetwork.Part) throws(BitstreamError) {
    let multipliers = try applyMultipliers(part)
    for association in part.quantizers.associations where association.kind != .multiplier {
      try apply(part.quantizers.quantizers[association.quantizer], association)
    }
    for tensor in part.tensors where !multipliers.contains(tensor.name) {
      let isDifference =
        part.quantizers.isUpdate && tensor.name.hasSuffix(CodedTensor.differenceMark)
      let plain = isDifference ? String(tensor.name.dropLast()) : tensor.name
      guard let name = operands.first(where: { $0.tensorName == plain })?.codes,
        let model = graph.initializers[name]
      else {
        throw BitstreamError(
          byte: 0, element: "topology_elem_id", "the model has no tensor '\(tensor.name)'")
      }
      let shape = model.shape.isEmpty ? [1] : model.shape
      guard tensor.shape == shape else {
        throw BitstreamError(
          byte: 0, element: "tensor_dimensions",
          "'\(tensor.name)' has the shape \(tensor.shape), in the model \(shape)")
      }
      guard !isDifference || received.contains(name) else {
        throw BitstreamError(
          byte: 0, element: "topology_elem_id",
          "'\(tensor.name)' is a difference from a tensor that the base does not hold")
      }
      var values = tensor.values
      if isDifference {
        for (index, code) in SignalledCodes.values(model).enumerated() { values[index] &+= code }
      }
      try set(name, to: values, element: "coded weights of '\(tensor.name)'")
    }
  }

  /// Multiplies scales of the base; returns the names of the tensors that said by what.
  private mutating func applyMultipliers(
    _ part: ReceivedNetwork.Part
  ) throws(BitstreamError) -> Set<String> {
    var names: Set<String> = []
    for association in part.quantizers.associations where association.kind == .multiplier {
      let place = "layer \(association.layer), multiplier \(association.operand)"
      guard part.quantizers.isUpdate,
        let operand = operands.first(where: {
          $0.layer == association.layer && $0.kind == .kernel && $0.operand == association.operand
        }), let name = operand.scale, let scales = graph.initializers[name],
        received.contains(name),
        let tensor = part.tensors.first(where: { $0.name == operand.multiplierName })
      else {
        throw BitstreamError(
          byte: 0, element: "nnq_tensor_kind",
          "\(place): multipliers need an update, a kernel with scales that the base holds, and a tensor of their own"
        )
      }
      guard case .shifts(let shifts) = part.quantizers.quantizers[association.quantizer].scales,
        shifts.count == 1, ChannelMultipliers.shifts.contains(shifts[0])
      else {
        throw BitstreamError(
          byte: 0, element: "nnq_shift", "\(place): its scale is not one of 2^-2...2^-14")
      }
      guard tensor.values.count == scales.count else {
        throw BitstreamError(
          byte: 0, element: "tensor_dimensions",
          "'\(tensor.name)' has \(tensor.values.count) values for \(scales.count) scales")
      }
      let multiplied = zip(scales.array(of: Float.self), tensor.values).map { scale, code in
        ChannelMultipliers.scale(scale, code: Int(code), shift: shifts[0])
      }
      guard multiplied.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw BitstreamError(
          byte: 0, element: "coded weights of '\(tensor.name)'", "a multiplier is not above 0")
      }
      graph.initializers[name] = Tensor(multiplied, shape: scales.shape)
      names.insert(tensor.name)
    }
    return names
  }

  private mutating func apply(
    _ quantizer: SignalledQuantizer, _ association: QuantizerAssociation
  ) throws(BitstreamError) {
    let place = "layer \(association.layer), \(association.kind.name) \(association.operand)"
    guard
      let operand = operands.first(where: {
        $0.layer == association.layer && $0.kind == association.kind
          && $0.operand == association.operand
      }), let scale = operand.scale, let model = graph.initializers[scale]
    else {
      throw BitstreamError(
        byte: 0, element: "nnq_tensor_kind", "\(place): the model has no such quantizer")
    }
    let type = graph.storedType(of: operand)
    guard quantizer.bits == type.bitCount,
      quantizer.codes.lowerBound == type.integerRange?.lowerBound
    else {
      throw BitstreamError(
        byte: 0, element: "nnq_bits_minus1",
        "\(place): \(quantizer.isSigned ? "signed" : "unsigned") codes of \(quantizer.bits) bits, in "
          + "the model \(type)")
    }
    guard quantizer.scales.count == model.count else {
      throw BitstreamError(
        byte: 0, element: "nnq_num_scales_minus1",
        "\(place): \(quantizer.scales.count) scales, in the model \(model.count)")
    }
    graph.initializers[scale] = Tensor(quantizer.scales.values, shape: model.shape)
    received.insert(scale)
    if let name = operand.zeroPoint, let model = graph.initializers[name] {
      let zeros = quantizer.zeroPoints?.map { Int32($0) }
      try set(
        name, to: zeros ?? [Int32](repeating: 0, count: model.count),
        element: "nnq_zero_point of \(place)")
    } else if quantizer.zeroPoints != nil {
      throw BitstreamError(
        byte: 0, element: "nnq_zero_point_flag", "\(place): the model has no codes of zero there")
    }
  }

  private mutating func set(
    _ name: String, to values: [Int32], element: String
  ) throws(BitstreamError) {
    guard let model = graph.initializers[name], values.count == model.count,
      let tensor = SignalledCodes.tensor(values, like: model)
    else {
      throw BitstreamError(
        byte: 0, element: element, "the model's tensor '\(name)' does not hold these numbers")
    }
    graph.initializers[name] = tensor
    received.insert(name)
  }

  /// Throws where the messages leave numbers open.
  func requireAll() throws(BitstreamError) {
    for operand in operands {
      for name in operand.initializers where !received.contains(name) {
        throw BitstreamError(
          byte: 0, element: "nnq_num_associations",
          "no message holds '\(name)', the \(operand.kind.name) of layer \(operand.layer) "
            + "('\(operand.label)')")
      }
    }
  }
}

extension Graph {
  /// Throws where a layer's sums need more bits than stated.
  fileprivate func requireAccumulators(within bits: Int?) throws {
    guard let bits else { return }
    for layer in try IntegerNetwork(self).layers {
      guard let accumulator = layer.accumulator, accumulator.bits > bits else { continue }
      throw BitstreamError(
        byte: 0, element: "nnq_accumulator_bits",
        "layer '\(layer.name)' needs \(accumulator.bits) bits, the message states \(bits)")
    }
  }
}
