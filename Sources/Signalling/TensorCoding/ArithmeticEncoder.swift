/// The arithmetic encoder of ISO/IEC 15938-17, clause 10.3, which is that of H.265, clause 9.3.4.
///
/// `low` holds ten bits of the interval's lower end and above them what has not been written; a carry
/// goes into the bytes that have.
struct ArithmeticEncoder {
  private var bytes: [UInt8] = []
  private var low: UInt64 = 0
  private var range: UInt32 = 510
  /// Bits of `low` above the ten; the first one is never written and always 0.
  private var pending = -1

  /// Codes a bin with a probability that follows it.
  mutating func encode(_ bin: Bool, _ context: inout AdaptiveBin) {
    let lessProbable = context.lessProbableRange(of: range)
    range -= lessProbable
    if bin != context.moreProbable {
      low += UInt64(range)
      range = lessProbable
    }
    shift(by: range.leadingZeroBitCount - 23)
    context.update(bin)
  }

  /// Codes the lower `count` bits of `bins`, zeros and ones being equally probable.
  mutating func encodeBypassed(_ bins: Int, _ count: Int) {
    for place in stride(from: count - 1, through: 0, by: -1) {
      low <<= 1
      if bins >> place & 1 == 1 { low += UInt64(range) }
      pending += 1
      writeBytes()
    }
  }

  /// Codes that nothing follows.
  ///
  /// - Returns: All bytes; the last one ends with a 1 and zeros.
  consuming func finish() -> [UInt8] {
    range -= 2
    low += UInt64(range)
    range = 2
    shift(by: 7)
    // The ten bits' upper two, then the bit that says where the data end.
    low = (low >> 8) << 1 | 1
    let count = pending + 3
    let padding = (8 - count % 8) % 8
    low <<= UInt64(padding)
    for place in stride(from: count + padding - 8, through: 0, by: -8) {
      append(
        Int(truncatingIfNeeded: low >> UInt64(place)) & (place == count + padding - 8 ? ~0 : 255))
    }
    return bytes
  }

  private mutating func shift(by count: Int) {
    low <<= UInt64(count)
    range <<= UInt32(count)
    pending += count
    writeBytes()
  }

  private mutating func writeBytes() {
    while pending >= 8 {
      append(Int(low >> UInt64(pending + 2)))
      low &= 1 << UInt64(pending + 2) - 1
      pending -= 8
    }
  }

  /// Appends a byte, of which bit 8 is a carry.
  private mutating func append(_ byte: Int) {
    if byte > 255 {
      var last = bytes.count - 1
      while bytes[last] == 255 {
        bytes[last] = 0
        last -= 1
      }
      bytes[last] += 1
    }
    bytes.append(UInt8(byte & 255))
  }
}
