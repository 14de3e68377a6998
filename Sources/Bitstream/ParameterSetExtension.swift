/// Bytes in the extension of an adaptation parameter set of VVC (ITU-T H.266, clause 7.3.2.6).
///
/// The set has the reserved type 7 and the identifier 31: decoders pass over both, and no set that a
/// stream uses has them. Its bytes are a private matter of whoever writes them.
public enum ParameterSetExtension {
  /// adaptation_parameter_set_rbsp() that carries `bytes`.
  public static func rawPayload(carrying bytes: [UInt8]) -> [UInt8] {
    var writer = BitWriter()
    writer.unsigned(3, reservedType)
    writer.unsigned(5, identifier)
    // aps_chroma_present_flag, aps_extension_flag
    writer.flag(false)
    writer.flag(true)
    writer.appendUnaligned(bytes)
    writer.stopBit()
    return writer.bytes
  }

  /// The bytes that such a set carries; `nil` for sets of another type or identifier, or whose
  /// extension is no row of bytes.
  public static func bytes(in payload: [UInt8]) throws(BitstreamError) -> [UInt8]? {
    var reader = BitReader(payload)
    guard try reader.unsigned(3, "aps_params_type") == reservedType,
      try reader.unsigned(5, "aps_adaptation_parameter_set_id") == identifier,
      try !reader.flag("aps_chroma_present_flag"), try reader.flag("aps_extension_flag")
    else { return nil }
    guard reader.remainingBeforeStop % 8 == 0 else { return nil }
    var bytes: [UInt8] = []
    while reader.hasMoreData {
      bytes.append(UInt8(try reader.unsigned(8, "aps_extension_data_flag")))
    }
    try reader.stopBit("rbsp_trailing_bits")
    try reader.end("rbsp_trailing_bits")
    return bytes
  }

  private static let reservedType = 7
  private static let identifier = 31
}
