import Bitstream
import Testing

/// Bits, numbers and alignment.
@Suite struct BitTests {
  @Test func numbersOfEveryWidthComeBack() throws {
    var writer = BitWriter()
    for width in 0...32 {
      writer.unsigned(width, 1 << width - 1)
      writer.unsigned(width, (1 << width - 1) / 3)
    }
    let count = writer.count
    writer.stopBit()
    var reader = BitReader(writer.bytes)
    for width in 0...32 {
      #expect(try reader.unsigned(width, "ones") == 1 << width - 1)
      #expect(try reader.unsigned(width, "mixed") == (1 << width - 1) / 3)
    }
    #expect(reader.position == count && !reader.hasMoreData)
    try reader.stopBit("stop")
    try reader.end("end")
  }

  /// Table 9-2 of H.266 and the groups of order 7.
  @Test(arguments: [
    (0, 0, "1"), (0, 1, "010"), (0, 2, "011"), (0, 3, "00100"), (0, 6, "00111"),
    (0, 7, "0001000"), (1, 0, "10"), (1, 1, "11"), (1, 2, "0100"), (7, 0, "10000000"),
    (7, 127, "11111111"), (7, 128, "0100000000"),
  ])
  func golombCodes(order: Int, value: Int, bits: String) throws {
    var writer = BitWriter()
    writer.unsignedGolomb(order: order, value)
    #expect(writer.count == bits.count)
    var reader = BitReader(writer.bytes)
    for bit in bits { #expect(try reader.flag("bit") == (bit == "1")) }
  }

  @Test func golombCodesComeBack() throws {
    let magnitudes = [0, 1, 2, 3, 254, 255, 256, 65535, 1 << 30, 1 << 31 - 1]
    for order in [0, 1, 3, 7] {
      for value in magnitudes + [1 << 32 - 2 - (1 << 8)] {
        var writer = BitWriter()
        writer.unsignedGolomb(order: order, value)
        var reader = BitReader(writer.bytes)
        #expect(try reader.unsignedGolomb(order: order, "ue") == value)
        #expect(reader.position == writer.count)
      }
    }
    for value in magnitudes.flatMap({ [$0, -$0] }) {
      var writer = BitWriter()
      writer.signedGolomb(value)
      var reader = BitReader(writer.bytes)
      #expect(try reader.signedGolomb("se") == value)
    }
  }

  @Test func whatIsMissingIsNamed() {
    var reader = BitReader([0xa0, 0x00])
    #expect(throws: Never.self) { try reader.unsigned(12, "first") }
    let short = #expect(throws: BitstreamError.self) { try reader.unsigned(5, "second") }
    #expect(short?.byte == 1 && short?.element == "second")
    var zeros = BitReader([UInt8](repeating: 0, count: 64))
    let long = #expect(throws: BitstreamError.self) { try zeros.unsignedGolomb("nnpfc_id") }
    #expect(long?.reason.contains("32 bits") == true)
    var range = BitReader([0b0010_0000])
    let outside = #expect(throws: BitstreamError.self) {
      try range.unsignedGolomb(in: 0...2, "kind")
    }
    #expect(outside?.description == "byte 0: kind: 3 is not within 0...2")
    #expect(
      outside?.located(in: "message").located(in: "a.bit").description
        == "a.bit: message: byte 0: kind: 3 is not within 0...2")
  }

  @Test func textsAndBytes() throws {
    var writer = BitWriter()
    writer.text("tag:é")
    writer.append([1, 2, 3])
    var reader = BitReader(writer.bytes)
    #expect(try reader.text("uri") == "tag:é")
    #expect(throws: BitstreamError.self) { try reader.bytes(4, "payload") }
    #expect(try reader.bytes(2, "payload") == [1, 2])
    #expect(reader.rest() == [3] && reader.remaining == 0)
    var open = BitReader([65, 66])
    #expect(throws: BitstreamError.self) { try open.text("uri") }
    var broken = BitReader([0xff, 0])
    #expect(throws: BitstreamError.self) { try broken.text("uri") }
    for control in ["\u{1b}", "\n", "\u{7f}", "\u{9b}"] {
      var writer = BitWriter()
      writer.text("a\(control)[2J")
      var reader = BitReader(writer.bytes)
      let error = #expect(throws: BitstreamError.self) { try reader.text("uri") }
      #expect(error?.reason.contains("control character") == true)
    }
  }

  @Test func alignment() throws {
    var reader = BitReader([0b0101_1111, 0b1000_0000, 0b0000_0001])
    _ = try reader.unsigned(3, "head")
    try reader.alignment(of: 1, "ones")
    #expect(reader.byte == 1)
    try reader.stopBit("stop")
    #expect(reader.byte == 2)
    #expect(throws: BitstreamError.self) { try reader.stopBit("stop") }
    #expect(BitReader([0x80]).hasMoreData == false)
    #expect(BitReader([0x40]).hasMoreData)
    #expect(BitReader([0, 0]).hasMoreData == false)
    #expect(BitReader([0xc0, 0]).remainingBeforeStop == 1)
  }
}

@Suite struct Base64Tests {
  /// The texts of RFC 4648, clause 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func publishedTexts(_ bytes: String, _ text: String) {
    #expect(Base64.text(Array(bytes.utf8)) == text)
    #expect(Base64.bytes(text) == Array(bytes.utf8))
  }

  @Test func everyByteGoesRound() {
    let bytes = (0..<256).map { UInt8($0) }
    for count in 0...256 {
      #expect(Base64.bytes(Base64.text(Array(bytes[..<count]))) == Array(bytes[..<count]))
    }
  }

  @Test(arguments: ["Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zm 9", "Zm9v=", "====", "Zg==Zg=="])
  func otherTextsAreNoBytes(_ text: String) { #expect(Base64.bytes(text) == nil) }
}
