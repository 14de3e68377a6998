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
public struct SignalReceiver: Sendable {
  /// The networks by nnpfc_id, as far as they are complete.
  public private(set) var networks: [Int: ReceivedNetwork] = [:]

  /// How many activations came for each network.
  public private(set) var activations: [Int: Int] = [:]

  /// Quantizer messages whose tensors have not come yet.
  private var announced: [Int: QuantizerMessage] = [:]

  /// The most elements that the tensors of all networks may have together.
  private let limit: Int

  /// Nothing received so far.
  ///
  /// - Parameter limit: The most elements that the tensors of all networks may have together.
  public init(limit: Int = CompressedNetwork.largestNetwork) { self.limit = limit }

  /// Reads all our messages of a stream.
  ///
  /// - Throws: ``Bitstream/BitstreamError`` naming NAL unit, message and syntax element.
  public init(
    _ stream: ByteStream, limit: Int = CompressedNetwork.largestNetwork
  ) throws(BitstreamError) {
    self.init(limit: limit)
    for unit in stream.signalUnits { try receive(unit, of: stream) }
    try finish()
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
        try receiveOwn(bytes)
      } else {
        for message in try SEIMessage.messages(in: payload) { try receive(message) }
      }
    }
  }

  /// Throws where quantizers were announced and their tensors did not come.
  public func finish() throws(BitstreamError) {
    if let identifier = announced.keys.min() {
      throw BitstreamError(
        byte: 0, element: "nnpfc_id",
        "quantizers of network \(identifier) came, its nn_post_filter_characteristics did not")
    }
  }

  private mutating func receive(_ message: SEIMessage) throws(BitstreamError) {
    try inside("SEI message of type \(message.payloadType)") { () throws(BitstreamError) in
      switch message.payloadType {
      case SEIMessage.userDataUnregistered: try receiveOwn(message.payload)
      case SEIMessage.postFilterCharacteristics:
        try receive(try PostFilterCharacteristics(message.payload))
      case SEIMessage.postFilterActivation: try receive(try PostFilterActivation(message.payload))
      default:
        throw BitstreamError(
          byte: 0, element: "payload_type", "\(message.payloadType) does not belong there")
      }
    }
  }

  private mutating func receiveOwn(_ bytes: [UInt8]) throws(BitstreamError) {
    guard bytes.starts(with: QuantizerMessage.identifier) else {
      throw BitstreamError(byte: 0, element: "uuid_iso_iec_11578", "it is another one")
    }
    let content = Array(bytes.dropFirst(QuantizerMessage.identifier.count))
    // The UUID alone marks a NAL unit whose quantizers came in a parameter set.
    guard !content.isEmpty else { return }
    let message = try QuantizerMessage(content)
    guard !message.isUpdate || networks[message.networkID] != nil else {
      throw BitstreamError(
        byte: 0, element: "nnq_update_flag",
        "an update of network \(message.networkID) came before its base")
    }
    guard announced[message.networkID].map({ $0 == message }) ?? true else {
      throw BitstreamError(
        byte: 0, element: "nnq_network_id",
        "other quantizers of network \(message.networkID) came before the tensors of the first")
    }
    announced[message.networkID] = message
  }

  private mutating func receive(
    _ characteristics: PostFilterCharacteristics
  ) throws(BitstreamError) {
    let identifier = characteristics.identifier
    guard characteristics.isBase || networks[identifier] != nil else {
      throw BitstreamError(
        byte: 0, element: "nnpfc_base_flag",
        "an update of filter \(identifier) came before its base")
    }
    guard let quantizers = announced.removeValue(forKey: identifier) else {
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
    if case .stream(let bytes) = characteristics.payload {
      // What is replaced makes room: a base may come again and again, and ends its update.
      let kept = heldElements - elements(of: identifier, isBase: characteristics.isBase)
      content = try inside("nnpfc_payload_byte") { () throws(BitstreamError) in
        try CompressedNetwork.content(of: bytes, limit: limit - kept)
      }
    }
    let part = ReceivedNetwork.Part(
      quantizers: quantizers, characteristics: characteristics, tensors: content.tensors,
      topology: content.topology)
    if characteristics.isBase {
      // A base that comes again, at every picture where decoding can begin, ends its updates.
      networks[identifier] = ReceivedNetwork(
        base: part, activation: networks[identifier]?.activation)
    } else {
      networks[identifier]?.update = part
    }
  }

  /// Elements of all tensors.
  private var heldElements: Int {
    networks.keys.reduce(0) { $0 + elements(of: $1, isBase: true) }
  }

  /// Elements of the tensors that a new base or a new update of a network replaces.
  private func elements(of identifier: Int, isBase: Bool) -> Int {
    guard let network = networks[identifier] else { return 0 }
    let parts = isBase ? [network.base, network.update] : [network.update]
    return parts.compactMap { $0 }.flatMap(\.tensors).reduce(0) { $0 + $1.values.count }
  }

  private mutating func receive(_ activation: PostFilterActivation) throws(BitstreamError) {
    guard networks[activation.target] != nil else {
      throw BitstreamError(
        byte: 0, element: "nnpfa_target_id",
        "filter \(activation.target) is activated before its characteristics came")
    }
    networks[activation.target]?.activation = activation
    activations[activation.target, default: 0] += 1
  }
}
