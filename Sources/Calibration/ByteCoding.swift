/// Writes the parts of a statistics file.
struct ByteWriter {
  var bytes: [UInt8] = []

  /// LEB128.
  mutating func number(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func number(_ value: Int) { number(UInt64(value)) }

  mutating func fixed(_ value: UInt32) {
    for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
  }

  mutating func text(_ text: String) {
    number(text.utf8.count)
    bytes += text.utf8
  }
}

/// Reads the parts of a statistics file; running over the end is an error.
struct ByteReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func take(_ count: Int) throws(CalibrationError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else {
      throw CalibrationError("the statistics end too early")
    }
    defer { position += count }
    return bytes[position..<(position + count)]
  }

  mutating func byte() throws(CalibrationError) -> UInt8 {
    try take(1).first ?? 0
  }

  mutating func number() throws(CalibrationError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      let byte = try byte()
      let part = UInt64(byte & 0x7f)
      guard shift < 63 || part <= 1 else { break }
      value |= part << shift
      if byte < 0x80 { return value }
    }
    throw CalibrationError("the statistics hold a number that is too large")
  }

  mutating func integer() throws(CalibrationError) -> Int {
    guard let value = Int(exactly: try number()) else {
      throw CalibrationError("the statistics hold a number that is too large")
    }
    return value
  }

  mutating func fixed() throws(CalibrationError) -> UInt32 {
    var value: UInt32 = 0
    for byte in try take(4).reversed() { value = value << 8 | UInt32(byte) }
    return value
  }

  mutating func text() throws(CalibrationError) -> String {
    guard let text = String(validating: try take(try integer()), as: UTF8.self) else {
      throw CalibrationError("the statistics hold a text that is not UTF-8")
    }
    return text
  }
}
