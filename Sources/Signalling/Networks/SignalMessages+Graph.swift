internal import Bitstream
public import Graph
internal import Tensors

/// What messages say beside what the graph says.
public struct SignalSettings: Sendable {
  /// nnpfc_id.
  public var networkID: Int
  /// nnpfc_purpose.
  public var purpose: Int
  /// Where the tensors are; `nil` for in the message itself.
  public var location: (tag: String, uri: String)?
  /// Whether an activation goes with them, and whether it persists.
  public var activation: PostFilterActivation?
  /// The MD5 of a filtered picture.
  public var pictureHash: [UInt8]?
  /// Whether a base carries its operators, so that decoders need no model.
  public var carriesTopology: Bool
  /// What samples are to the network.
  public var samples: PostFilterProperty.Format

  /// Settings.
  public init(
    networkID: Int = 0, purpose: Int = 1, location: (tag: String, uri: String)? = nil,
    activation: PostFilterActivation? = nil, pictureHash: [UInt8]? = nil,
    carriesTopology: Bool = true, samples: PostFilterProperty.Format = .real
  ) {
    self.networkID = networkID
    self.purpose = purpose
    self.location = location
    self.activation = activation
    self.pictureHash = pictureHash
    self.carriesTopology = carriesTopology
    self.samples = samples
  }
}

extension SignalMessages {
  /// The messages of a quantized graph.
  ///
  /// - Parameters:
  ///   - graph: A graph with quantized operands.
  ///   - base: The graph that an update is of: its messages hold what differs. It has the same topology.
  ///   - settings: What the graph does not say.
  /// - Throws: `GraphError` naming node or tensor: for a graph without quantizers, in an arithmetic that
  ///   messages have no number for, with more or fewer channels than pictures, or of another topology
  ///   than `base`.
  public init(of graph: Graph, updating base: Graph? = nil, _ settings: SignalSettings) throws {
    let operands = try graph.signalledOperands()
    guard !operands.isEmpty else {
      throw GraphError.unsupported(
        "the model has no quantizers; 'qtool quantize' makes one that has")
    }
    let property = base == nil ? try graph.postFilterProperty(operands, settings.samples) : nil
    let carriesTopology = base == nil && settings.carriesTopology
    if carriesTopology {
      try graph.requireFilterOperators()
      try graph.requireFilterSizes()
    }
    let topology = try graph.signalledTopologyChecksum(operands)
    if let base, try base.signalledTopologyChecksum() != topology {
      throw GraphError.invalid("the update and its base differ in more than quantizers and codes")
    }
    let mode = try graph.signalledMode()
    let bits = try graph.signalledAccumulatorBits()
    let signals = try GraphSignals(of: graph, operands, base: base)
    let quantizers = QuantizerMessage(
      networkID: settings.networkID, isUpdate: base != nil, mode: mode,
      accumulatorBits: bits.flatMap { $0 < 64 ? $0 : nil }, topologyChecksum: topology,
      quantizers: signals.quantizers, associations: signals.associations,
      modelChecksum: graph.signalledChecksum(operands), pictureHash: settings.pictureHash)
    do {
      let labels = Dictionary(operands.map { ($0.layer, $0.label) }, uniquingKeysWith: { $1 })
      let name = { (layer: Int) in "node '\(labels[layer] ?? "\(layer)")'" }
      try quantizers.checkWidths(naming: name)
      try quantizers.checkShifts(naming: name)
    } catch {
      throw GraphError.invalid("\(error.reason)")
    }
    let carried = carriesTopology ? try NetworkTopology.bytes(of: graph) : nil
    let payload: PostFilterCharacteristics.Payload =
      if let (tag, uri) = settings.location { .uri(tag: tag, uri: uri) } else {
        .stream(CompressedNetwork.encode(signals.tensors, topology: carried))
      }
    self.init(
      quantizers: quantizers,
      characteristics: PostFilterCharacteristics(
        purpose: settings.purpose, identifier: settings.networkID, isBase: base == nil,
        payload: payload, property: property),
      activation: settings.activation)
  }
}

extension Graph {
  fileprivate func signalledMode() throws(GraphError) -> ArithmeticMode {
    let value = metadata[ArithmeticMode.property]
    guard let mode = ArithmeticMode(property: value) else {
      throw .unsupported(
        "\(ArithmeticMode.property) is '\(value ?? "")', which messages have no number for")
    }
    return mode
  }

  /// What a filter reads and writes, by the shapes of the graph's input and output.
  fileprivate func postFilterProperty(
    _ operands: [SignalledOperand], _ samples: PostFilterProperty.Format
  ) throws(GraphError) -> PostFilterProperty {
    guard inputs.count == 1, let input = PostFilterProperty.Order(inputs[0]) else {
      throw .unsupported(
        "a post-filter has one input of 1, 2, 3 or 6 channels, the model has "
          + inputs.map { "'\($0.name)' \($0.shape.map { "\($0)" } ?? "")" }.joined(separator: ", "))
    }
    // A network that writes something else than pictures has a purpose that the application knows.
    let output = outputs.first.flatMap { PostFilterProperty.Order($0) } ?? input
    let names = Set(operands.compactMap(\.codes))
    let tensors = names.compactMap { initializers[$0] }
    let count = tensors.reduce(0) { $0 + $1.count }
    let bits = tensors.map { max($0.elementType.bitCount, 8) }.max() ?? 8
    let bytes = tensors.reduce(0) { $0 + ($1.count * $1.elementType.bitCount + 7) / 8 }
    let hasFloats = initializers.contains {
      !names.contains($0.key) && $0.value.elementType.isFloatingPoint && $0.value.count > 1
        && !operands.compactMap(\.scale).contains($0.key)
    }
    // At most (2048 << n) - 1 parameters, n at least 1.
    let log = (1..<64).first { count <= 2048 << $0 - 1 } ?? 0
    return PostFilterProperty(
      inputOrder: input, inputFormat: samples, outputOrder: output, outputFormat: samples,
      complexity: PostFilterProperty.Complexity(
        parameterType: hasFloats ? 1 : 0, parameterBits: bits, parametersIDC: min(log, 51),
        kilobytes: (bytes + 1023) / 1024))
  }
}

extension PostFilterProperty.Order {
  /// The order that the channels of a value with the shape [N, C, H, W] have.
  public init?(_ value: ValueInfo) {
    guard let shape = value.shape, shape.count == 4, case .fixed(let channels) = shape[1],
      let order = Self.allCases.first(where: { $0.channels == channels })
    else { return nil }
    self = order
  }
}
