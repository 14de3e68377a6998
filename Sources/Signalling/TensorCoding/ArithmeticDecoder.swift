import Bitstream

/// The arithmetic decoder of ISO/IEC 15938-17, clause 10.3.
///
/// It reads exactly the bits that ``ArithmeticEncoder`` wrote, the last one being the 1 at their end,
/// so that one bit more is an error: data that are cut off never decode.
struct ArithmeticDecoder {
  private let bytes: [UInt8]
  private var range: UInt32 = 510
  private var offset: UInt32
  /// Bits read.
  private var position = 9

  /// Begins to decode.
  init(_ bytes: [UInt8]) throws(BitstreamError) {
    guard bytes.count >= 2 else { throw Self.truncated(bytes.count) }
    self.bytes = bytes
    offset = UInt32(bytes[0]) << 1 | UInt32(bytes[1] >> 7)
    guard offset < range else {
      throw BitstreamError(
        byte: 0, element: "coded weights",
        "the arithmetic code begins with \(offset), which is not below \(range)")
    }
  }

  /// Decodes a bin with a probability that follows it.
  mutating func decode(_ context: inout AdaptiveBin) throws(BitstreamError) -> Bool {
    let lessProbable = context.lessProbableRange(of: range)
    range -= lessProbable
    var bin = context.moreProbable
    if offset >= range {
      offset -= range
      range = lessProbable
      bin.toggle()
    }
    context.update(bin)
    let shift = range.leadingZeroBitCount - 23
    if shift > 0 {
      range <<= UInt32(shift)
      offset = offset << UInt32(shift) | (try bits(shift))
    }
    return bin
  }

  /// Decodes `count` bits, at most 31, zeros and ones being equally probable.
  mutating func decodeBypassed(_ count: Int) throws(BitstreamError) -> Int {
    var value = 0
    for _ in 0..<count {
      offset = offset << 1 | (try bits(1))
      value <<= 1
      if offset >= range {
        offset -= range
        value |= 1
      }
    }
    return value
  }

  /// Decodes that nothing follows, and checks that nothing does.
  consuming func finish() throws(BitstreamError) {
    guard offset >= range - 2 else {
      throw BitstreamError(
        byte: position >> 3, element: "end_of_nnr_unit",
        "the coded data go on where they should end")
    }
    // Seven bits more would be read for nothing, the last bit read so far being the one at the end.
    let last = position - 1
    let tail = bytes[last >> 3] << UInt8(last & 7)
    guard tail == 0x80, last >> 3 == bytes.count - 1 else {
      throw BitstreamError(
        byte: last >> 3, element: "end_of_nnr_unit",
        "the coded data do not end with a 1 and zeros in their last byte")
    }
  }

  private mutating func bits(_ count: Int) throws(BitstreamError) -> UInt32 {
    let end = position + count
    guard end <= bytes.count * 8 else { throw Self.truncated(bytes.count) }
    let index = position >> 3
    let high = UInt32(bytes[index]) << 8
    let pair = high | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
    let value = pair >> UInt32(16 - position & 7 - count) & (1 << UInt32(count) - 1)
    position = end
    return value
  }

  private static func truncated(_ count: Int) -> BitstreamError {
    BitstreamError(
      byte: count, element: "coded weights", "the arithmetic code is cut off after \(count) bytes")
  }
}
