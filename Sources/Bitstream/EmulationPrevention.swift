/// Start codes that appear inside of data: ITU-T H.265 and H.266, clause 7.4.2.
///
/// Inside of a NAL unit two zero bytes are never followed by 0, 1 or 2; a byte 3 between them says
/// that the encoder broke such a row.
public enum EmulationPrevention {
  /// The data with a 3 wherever two zeros are followed by 3 or less, or by nothing.
  public static func inserted(into data: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(data.count + data.count / 64)
    var zeros = 0
    for byte in data {
      if zeros == 2, byte <= 3 {
        result.append(3)
        zeros = 0
      }
      zeros = byte == 0 ? zeros + 1 : 0
      result.append(byte)
    }
    if data.last == 0 { result.append(3) }
    return result
  }

  /// The data without these bytes.
  ///
  /// - Throws: ``BitstreamError`` where two zeros are followed by 0, 1 or 2, or by a 3 that protects
  ///   nothing.
  public static func removed(
    from payload: some RandomAccessCollection<UInt8>
  ) throws(BitstreamError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(payload.count)
    var zeros = 0
    var position = 0
    var isProtected = false
    for byte in payload {
      if isProtected, byte > 3 {
        throw BitstreamError(
          byte: position, element: "emulation_prevention_three_byte",
          "00 00 03 is followed by \(byte), which needs no protection")
      }
      isProtected = zeros == 2 && byte == 3
      if isProtected {
        zeros = 0
      } else {
        guard zeros < 2 || byte > 2 else {
          throw BitstreamError(
            byte: position, element: "emulation_prevention_three_byte",
            "00 00 is followed by \(byte), a byte 03 is missing")
        }
        zeros = byte == 0 ? zeros + 1 : 0
        result.append(byte)
      }
      position += 1
    }
    return result
  }
}
