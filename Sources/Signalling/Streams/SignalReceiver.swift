public import Bitstream

/// What a stream says about a network.
public struct ReceivedNetwork: Sendable, Hashable {
  /// One set of messages and what stands in them.
  public struct Part: Sendable, Hashable {
    /// Quantizers and arithmetic.
    public var quantizers: QuantizerMessage
    /// The message with the tensors.
    public var characteristics: PostFilterCharacteristics
    /// The tensors; none where they are at a URI.
    public var tensors: [CodedTensor]
    /// The operators, as ``NetworkTopology`` writes them; `nil` where they do not travel.
    public var topology: [UInt8]?
  }

  /// The network.
  public var base: Part
  /// The last update of the base.
  public var update: Part?
  /// Whether it is applied; the last activation.
  public var activation: PostFilterActivation?
}

/// Reads the messages of a stream from its beginning and keeps the rules of their order.
///
/// As H.274 says of its messages, ours hold to the end of the coded layer video sequence that they stand
/// in: an update or an activation needs a base of the same sequence.
public struct SignalReceiver: Sendable {
  /// The networks by nnpfc_id, as far as they are complete, those of sequences that are over included.
  public private(set) var networks: [Int: ReceivedNetwork] = [:]

  /// The layer whose current sequence holds a network, by nnpfc_id.
  private var layers: [Int: Int] = [:]

  /// The networks of the current sequences.
  public var current: [Int: ReceivedNetwork] { networks.filter { layers[$0.key] != nil } }

  /// How many activations came for each network.
  public private(set) var activations: [Int: Int] = [:]

  /// Quantizer messages whose tensors have not come yet, and the layer that they came in.
  private var announced: [Int: (message: QuantizerMessage, layer: Int)] = [:]

  /// Elements of the tensors of each network.
  private var elements: [Int: (base: Int, update: Int)] = [:]

  /// The most networks that a stream may have, so that the work for a message has a bound.
  public static let mostNetworks = 256

  /// The most elements that the tensors of all networks may have together.
  private let limit: Int

  /// Streams of ISO/IEC 15938-17 by the URIs that messages name them by.
  private let located: [String: [UInt8]]

  /// URIs of tensors that messages have named so far.
  public private(set) var uris: Set<String> = []

  /// Nothing received so far.
  ///
  /// - Parameters:
  ///   - limit: The most elements that the tensors of all networks may have together.
  ///   - located: Streams of ISO/IEC 15938-17 by URI; a network whose tensors are at another URI comes
  ///     without them.
  public init(
    limit: Int = CompressedNetwork.largestNetwork, tensorsAt located: [String: [UInt8]] = [:]
  ) {
    self.limit = limit
    self.located = located
  }

  /// Reads all our messages of a stream.
  ///
  /// - Throws: ``Bitstream/BitstreamError`` naming NAL unit, message and syntax element.
  public init(
    _ stream: ByteStream, limit: Int = CompressedNetwork.largestNetwork,
    tensorsAt located: [String: [UInt8]] = [:]
  ) throws(BitstreamError) {
    self.init(limit: limit, tensorsAt: located)
    for step in stream.signalSteps(stream.picturePlaces) {
      switch step {
      case .sequence(_, let layer): try beginSequence(of: layer)
      case .unit(let unit, _): try receive(unit, of: stream)
      }
    }
    try finish()
  }

  /// A new coded layer video sequence of a layer begins: what came for the one before holds no longer.
  ///
  /// - Throws: ``Bitstream/BitstreamError`` where quantizers were announced in the one before and their
  ///   tensors did not come.
  public mutating func beginSequence(of layer: Int) throws(BitstreamError) {
    let open = announced.filter { $0.value.layer == layer }.keys
    try requireNone(of: open, "in the coded layer video sequence that ends")
    layers = layers.filter { $0.value != layer }
  }

  /// Reads a NAL unit of ours.
  public mutating func receive(
    _ unit: ByteStream.Unit, of stream: ByteStream
  ) throws(BitstreamError) {
    let payload = try stream.rawPayload(of: unit)
    try inside("NAL unit at byte \(unit.start)") { () throws(BitstreamError) in
      if unit.header.type == stream.codec.prefixAPS {
        guard let bytes = try ParameterSetExtension.bytes(in: payload) else {
          throw BitstreamError(
            byte: 0, element: "aps_extension_data_flag", "the extension is no row of bytes")
        }
        try receiveOwn(bytes, layer: unit.header.layer)
      } else {
        for message in try SEIMessage.messages(in: payload) {
          try receive(message, layer: unit.header.layer)
        }
      }
    }
  }

  /// Throws where quantizers were announced and their tensors did not come.
  public func finish() throws(BitstreamError) {
    try requireNone(of: announced.keys, "in the stream")
  }

  private func requireNone(
    of open: some Collection<Int>, _ place: String
  ) throws(BitstreamError) {
    guard let identifier = open.min() else { return }
    throw BitstreamError(
      byte: 0, element: "nnpfc_id",
      "quantizers of network \(identifier) came \(place), its nn_post_filter_characteristics did not"
    )
  }

  private mutating func receive(_ message: SEIMessage, layer: Int) throws(BitstreamError) {
    try inside("SEI message of type \(message.payloadType)") { () throws(BitstreamError) in
      switch message.payloadType {
      case SEIMessage.userDataUnregistered: try receiveOwn(message.payload, layer: layer)
      case SEIMessage.postFilterCharacteristics:
        try receive(try PostFilterCharacteristics(message.payload), layer: layer)
      case SEIMessage.postFilterActivation: try receive(try PostFilterActivation(message.payload))
      default:
        throw BitstreamError(
          byte: 0, element: "payload_type", "\(message.payloadType) does not belong there")
      }
    }
  }

  private mutating func receiveOwn(_ bytes: [UInt8], layer: Int) throws(BitstreamError) {
    guard bytes.starts(with: QuantizerMessage.identifier) else {
      throw BitstreamError(byte: 0, element: "uuid_iso_iec_11578", "it is another one")
    }
    let content = Array(bytes.dropFirst(QuantizerMessage.identifier.count))
    // The UUID alone marks a NAL unit whose quantizers came in a parameter set.
    guard !content.isEmpty else { return }
    let message = try QuantizerMessage(content)
    guard !message.isUpdate || layers[message.networkID] != nil else {
      throw BitstreamError(
        byte: 0, element: "nnq_update_flag",
        "an update of network \(message.networkID) came before its base"
          + sequenceNote(message.networkID))
    }
    guard announced[message.networkID].map({ $0.message == message }) ?? true else {
      throw BitstreamError(
        byte: 0, element: "nnq_network_id",
        "other quantizers of network \(message.networkID) came before the tensors of the first")
    }
    let known = Set(networks.keys).union(announced.keys)
    guard known.count < Self.mostNetworks || known.contains(message.networkID) else {
      throw BitstreamError(
        byte: 0, element: "nnq_network_id",
        "network \(message.networkID) is one more than the \(Self.mostNetworks) that a stream may have"
      )
    }
    announced[message.networkID] = (message, layer)
  }

  /// What to add where a base came, but for a sequence that is over.
  private func sequenceNote(_ identifier: Int) -> String {
    networks[identifier] == nil
      ? "" : "; the one that came ended with its coded layer video sequence"
  }

  private mutating func receive(
    _ characteristics: PostFilterCharacteristics, layer: Int
  ) throws(BitstreamError) {
    let identifier = characteristics.identifier
    guard characteristics.isBase || layers[identifier] != nil else {
      throw BitstreamError(
        byte: 0, element: "nnpfc_base_flag",
        "an update of filter \(identifier) came before its base" + sequenceNote(identifier))
    }
    guard let quantizers = announced.removeValue(forKey: identifier)?.message else {
      throw BitstreamError(
        byte: 0, element: "nnpfc_id", "no quantizers came for filter \(identifier)")
    }
    guard quantizers.isUpdate != characteristics.isBase else {
      throw BitstreamError(
        byte: 0, element: "nnpfc_base_flag",
        "the quantizers of filter \(identifier) are \(quantizers.isUpdate ? "an update" : "a base's")"
          + ", its tensors are not")
    }
    var content = CompressedNetwork.Content(tensors: [])
    let (place, coded): (String, [UInt8]?) =
      switch characteristics.payload {
      case .stream(let bytes): ("nnpfc_payload_byte", bytes)
      case .uri(_, let uri): ("tensors at \(uri)", located[uri])
      }
    if case .uri(_, let uri) = characteristics.payload { uris.insert(uri) }
    if let coded {
      // What is replaced makes room: a base may come again and again, and ends its update.
      let own = elements[identifier] ?? (0, 0)
      let kept =
        elements.values.reduce(0) { $0 + $1.base + $1.update } - own.update
        - (characteristics.isBase ? own.base : 0)
      content = try inside(place) { () throws(BitstreamError) in
        try CompressedNetwork.content(of: coded, limit: limit - kept)
      }
    }
    let part = ReceivedNetwork.Part(
      quantizers: quantizers, characteristics: characteristics, tensors: content.tensors,
      topology: content.topology)
    let count = content.tensors.reduce(0) { $0 + $1.values.count }
    if characteristics.isBase {
      elements[identifier] = (count, 0)
      // A base that comes again, at every picture where decoding can begin, ends its updates.
      networks[identifier] = ReceivedNetwork(
        base: part,
        activation: layers[identifier] == nil ? nil : networks[identifier]?.activation)
      layers[identifier] = layer
    } else {
      elements[identifier]?.update = count
      networks[identifier]?.update = part
    }
  }

  private mutating func receive(_ activation: PostFilterActivation) throws(BitstreamError) {
    guard layers[activation.target] != nil else {
      throw BitstreamError(
        byte: 0, element: "nnpfa_target_id",
        "filter \(activation.target) is activated before its characteristics came"
          + sequenceNote(activation.target))
    }
    networks[activation.target]?.activation = activation
    activations[activation.target, default: 0] += 1
  }
}
