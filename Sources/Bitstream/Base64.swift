/// Bytes as text: base64 of RFC 4648 with padding, strictly read.
public enum Base64 {
  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The text of `bytes`.
  public static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : 61)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of `text`; `nil` where no bytes have this text.
  public static func bytes(_ text: String) -> [UInt8]? {
    let codes = Array(text.utf8)
    guard codes.count % 4 == 0 else { return nil }
    let padding = codes.suffix(2).reversed().prefix { $0 == 61 }.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(codes.count / 4 * 3)
    var bits = 0
    for (place, code) in codes.dropLast(padding).enumerated() {
      guard let digit = value(of: code) else { return nil }
      bits = (bits << 6 | digit) & 0xff_ffff
      let filled = place & 3
      if filled > 0 { bytes.append(UInt8(truncatingIfNeeded: bits >> (6 - 2 * filled))) }
    }
    // Bits of the last digit that no byte has must be 0: one text for the same bytes.
    guard bits & (1 << (2 * padding) - 1) == 0 else { return nil }
    return bytes
  }

  private static func value(of code: UInt8) -> Int? {
    switch code {
    case 65...90: Int(code) - 65
    case 97...122: Int(code) - 71
    case 48...57: Int(code) + 4
    case 43: 62
    case 47: 63
    default: nil
    }
  }
}
