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
  /// - Precondition: `carrier` exists in `codec`.
  public func units(_ codec: VideoCodec, carrier: SignalCarrier = .sei) -> [UInt8] {
    var bytes: [UInt8] = []
    var marker = QuantizerMessage.identifier
    switch carrier {
    case .sei: marker += quantizers.bytes
    case .aps:
      guard let type = codec.prefixAPS else { preconditionFailure("\(codec) has no APS") }
      bytes = ByteStream.unit(
        NALHeader(type: type),
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
        NALHeader(type: codec.prefixSEI), rawPayload: SEIMessage.rawPayload(of: messages), codec)
  }
}
