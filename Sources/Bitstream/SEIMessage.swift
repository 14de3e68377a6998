/// A supplemental enhancement information message: what a decoder of pictures may leave aside.
public struct SEIMessage: Sendable, Hashable {
  /// payloadType.
  public var payloadType: Int
  /// The payload, whole bytes.
  public var payload: [UInt8]

  /// user_data_unregistered: a UUID and what its owner says.
  public static let userDataUnregistered = 5
  /// nn_post_filter_characteristics of ITU-T H.274.
  public static let postFilterCharacteristics = 210
  /// nn_post_filter_activation of ITU-T H.274.
  public static let postFilterActivation = 211

  /// A message.
  public init(payloadType: Int, payload: [UInt8]) {
    self.payloadType = payloadType
    self.payload = payload
  }
}

extension SEIMessage {
  /// sei_rbsp(): the messages of a raw byte sequence payload.
  public static func messages(in payload: [UInt8]) throws(BitstreamError) -> [SEIMessage] {
    var reader = BitReader(payload)
    var messages: [SEIMessage] = []
    repeat {
      let type = try number(&reader, "payload_type")
      let size = try number(&reader, "payload_size")
      messages.append(
        SEIMessage(payloadType: type, payload: try reader.bytes(size, "payload_size")))
    } while reader.hasMoreData
    try reader.stopBit("rbsp_trailing_bits")
    try reader.end("rbsp_trailing_bits")
    return messages
  }

  /// sei_rbsp() of messages.
  public static func rawPayload(of messages: [SEIMessage]) -> [UInt8] {
    var writer = BitWriter()
    for message in messages {
      write(message.payloadType, to: &writer)
      write(message.payload.count, to: &writer)
      writer.append(message.payload)
    }
    writer.stopBit()
    return writer.bytes
  }

  /// A type or a size: bytes of 255 and one that is less.
  private static func number(
    _ reader: inout BitReader, _ element: String
  ) throws(BitstreamError) -> Int {
    var value = 0
    while true {
      let byte = try reader.unsigned(8, element)
      value += byte
      if byte < 255 { return value }
    }
  }

  private static func write(_ value: Int, to writer: inout BitWriter) {
    writer.append(repeatElement(255, count: value / 255))
    writer.unsigned(8, value % 255)
  }
}
