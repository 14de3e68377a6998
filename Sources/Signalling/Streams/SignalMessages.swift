public import Bitstream

/// Where the quantizer message travels.
public enum SignalCarrier: String, Sendable, CaseIterable {
  /// In a user_data_unregistered SEI message.
  case sei
  /// In the extension of an adaptation parameter set; VVC only.
  case aps
}

/// The messages of a network, or of an update of one, that belong together.
public struct SignalMessages: Sendable, Hashable {
  /// Quantizers and arithmetic.
  public var quantizers: QuantizerMessage
  /// The tensors.
  public var characteristics: PostFilterCharacteristics
  /// Whether and for how long the network is applied; `nil` where another message says so.
  public var activation: PostFilterActivation?

  /// Messages.
  public init(
    quantizers: QuantizerMessage, characteristics: PostFilterCharacteristics,
    activation: PostFilterActivation?
  ) {
    self.quantizers = quantizers
    self.characteristics = characteristics
    self.activation = activation
  }
}

extension SignalMessages {
  /// The messages as NAL units with start codes.
  ///
  /// All SEI messages stand in one NAL unit, behind a user_data_unregistered message with our UUID: it
  /// says that the whole unit may be removed without a trace. With an adaptation parameter set it holds
  /// nothing but the UUID.
  ///
  /// - Parameters:
  ///   - codec: The codec of the stream.
  ///   - carrier: SEI messages or a parameter set.
  ///   - layer: nuh_layer_id of the picture that they stand before.
  ///   - temporalID: The picture's sub-layer, nuh_temporal_id_plus1 less 1.
  /// - Precondition: `carrier` exists in `codec`.
  public func units(
    _ codec: VideoCodec, carrier: SignalCarrier = .sei, layer: Int = 0, temporalID: Int = 0
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var marker = QuantizerMessage.identifier
    switch carrier {
    case .sei: marker += quantizers.bytes
    case .aps:
      guard let type = codec.prefixAPS else { preconditionFailure("\(codec) has no APS") }
      bytes = ByteStream.unit(
        NALHeader(type: type, layer: layer, temporalID: temporalID),
        rawPayload: ParameterSetExtension.rawPayload(carrying: marker + quantizers.bytes), codec)
    }
    var messages = [
      SEIMessage(payloadType: SEIMessage.userDataUnregistered, payload: marker),
      SEIMessage(
        payloadType: SEIMessage.postFilterCharacteristics, payload: characteristics.bytes),
    ]
    if let activation {
      messages.append(
        SEIMessage(payloadType: SEIMessage.postFilterActivation, payload: activation.bytes))
    }
    return bytes
      + ByteStream.unit(
        NALHeader(type: codec.prefixSEI, layer: layer, temporalID: temporalID),
        rawPayload: SEIMessage.rawPayload(of: messages), codec)
  }

  /// Reads the messages' bytes as receivers do.
  ///
  /// - Throws: ``Bitstream/BitstreamError`` naming message and syntax element that a receiver would
  ///   refuse or read otherwise.
  public func requireReadable() throws(BitstreamError) {
    try inside("quantizer message") { () throws(BitstreamError) in
      guard try QuantizerMessage(quantizers.bytes) == quantizers else { throw Self.changed }
    }
    try inside("nn_post_filter_characteristics") { () throws(BitstreamError) in
      let found = try PostFilterCharacteristics(characteristics.bytes)
      guard found == characteristics else { throw Self.changed }
      if case .stream(let bytes) = found.payload {
        let content = try CompressedNetwork.content(of: bytes)
        if let topology = content.topology {
          let part = ReceivedNetwork.Part(
            quantizers: quantizers, characteristics: found, tensors: content.tensors)
          _ = try NetworkTopology.graph(topology, limit: part.signalledElements)
        }
      }
    }
    if let activation {
      try inside("nn_post_filter_activation") { () throws(BitstreamError) in
        guard try PostFilterActivation(activation.bytes) == activation else { throw Self.changed }
      }
    }
  }

  private static var changed: BitstreamError {
    BitstreamError(byte: 0, element: "payload", "what is read is not what was written")
  }
}
