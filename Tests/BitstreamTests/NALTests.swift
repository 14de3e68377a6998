import Bitstream
import Testing

/// NAL units, emulation prevention, SEI messages and parameter sets.
@Suite struct NALTests {
  @Test func emulationPrevention() throws {
    let cases: [([UInt8], [UInt8])] = [
      ([0, 0, 0], [0, 0, 3, 0, 3]), ([0, 0, 1], [0, 0, 3, 1]), ([0, 0, 3], [0, 0, 3, 3]),
      ([0, 0, 4], [0, 0, 4]), ([1, 0, 0], [1, 0, 0, 3]), ([0], [0, 3]), ([], []),
      ([0, 0, 0, 0, 0, 1], [0, 0, 3, 0, 0, 3, 0, 1]),
    ]
    for (data, payload) in cases {
      #expect(EmulationPrevention.inserted(into: data) == payload)
      #expect(try EmulationPrevention.removed(from: payload) == stripped(data, payload))
    }
    // Every row of five bytes of 0...4.
    for code in 0..<3125 {
      let data = (0..<5).map { UInt8(code / [1, 5, 25, 125, 625][$0] % 5) } + [9]
      let payload = EmulationPrevention.inserted(into: data)
      #expect(try EmulationPrevention.removed(from: payload) == data)
    }
  }

  /// A zero at the end is protected by a 3 that no reader can tell from data; payloads end with a
  /// stop bit, so that there is none.
  private func stripped(_ data: [UInt8], _ payload: [UInt8]) -> [UInt8] {
    data.last == 0 && !(data.suffix(2) == [0, 0] && payload.suffix(3) == [0, 0, 3])
      ? data + [3] : data
  }

  @Test(arguments: [[0, 0, 1], [0, 0, 2, 7], [0, 0, 0], [5, 0, 0, 3, 4]] as [[UInt8]])
  func missingOrNeedlessPrevention(bytes: [UInt8]) {
    let error = #expect(throws: BitstreamError.self) {
      try EmulationPrevention.removed(from: bytes)
    }
    #expect(error?.element == "emulation_prevention_three_byte")
  }

  @Test func headers() throws {
    #expect(NALHeader(type: 39).bytes(.hevc) == [0x4e, 0x01])
    #expect(NALHeader(type: 23).bytes(.vvc) == [0x00, 0xb9])
    for codec in VideoCodec.allCases {
      for type in 0..<(codec == .hevc ? 64 : 32) {
        let header = NALHeader(type: type, layer: 33, temporalID: 6)
        #expect(try NALHeader(header.bytes(codec), codec) == header)
      }
    }
    for bytes in [[0x80, 1], [0x40, 0], [0x40]] as [[UInt8]] {
      #expect(throws: BitstreamError.self) { try NALHeader(bytes, .hevc) }
    }
    #expect(throws: BitstreamError.self) { try NALHeader([0x40, 0xb9] as [UInt8], .vvc) }
  }

  @Test func streamsAreSplitAtStartCodes() throws {
    let bytes: [UInt8] = [
      0, 0, 0, 1, 0x40, 1, 7, 0, 0, 0, 0, 1, 0x42, 1, 0, 0, 3, 0, 9, 0, 0, 1, 0x26, 1, 0x80, 0, 0,
    ]
    let stream = try ByteStream(bytes)
    #expect(stream.codec == .hevc)
    #expect(stream.units.map(\.payload) == [4..<7, 12..<19, 22..<25])
    #expect(stream.units.map(\.start) == [0, 8, 19])
    #expect(stream.units.map(\.header.type) == [32, 33, 19])
    #expect(try stream.rawPayload(of: stream.units[1]) == [0, 0, 0, 9])
    let places = stream.picturePlaces
    #expect(places.map(\.position) == [19] && places[0].isRandomAccess)
    for broken in [[], [0, 0, 0], [1, 2, 3], [9, 0, 0, 1, 0x40, 1]] as [[UInt8]] {
      #expect(throws: BitstreamError.self) { try ByteStream(broken) }
    }
    let empty = #expect(throws: BitstreamError.self) {
      try ByteStream([0, 0, 1, 0x40, 1, 0, 0, 1])
    }
    #expect(empty?.description.hasPrefix("NAL unit at byte 5: ") == true)
  }

  @Test func picturesOfVVCBeginWithTheirHeader() throws {
    let bytes: [UInt8] = [
      0, 0, 0, 1, 0x00, 0x79, 5, 0, 0, 1, 0x00, 0x99, 6, 0, 0, 1, 0x00, 0x39, 0x10, 0, 0, 1, 0x00,
      0x01, 0x80,
    ]
    let stream = try ByteStream(bytes)
    #expect(stream.codec == .vvc && stream.units.map(\.header.type) == [15, 19, 7, 0])
    // A slice with its picture header inside begins a picture as well.
    #expect(stream.picturePlaces.map(\.position) == [7, 19])
    #expect(stream.picturePlaces.map(\.isRandomAccess) == [true, false])
  }

  @Test func messagesComeBack() throws {
    let messages = [
      SEIMessage(payloadType: 5, payload: [UInt8](repeating: 0, count: 600)),
      SEIMessage(payloadType: 210, payload: []), SEIMessage(payloadType: 1000, payload: [0x80]),
    ]
    let payload = SEIMessage.rawPayload(of: messages)
    #expect(Array(payload[..<4]) == [5, 255, 255, 90])
    #expect(try SEIMessage.messages(in: payload) == messages)
    for length in 0..<payload.count {
      #expect(throws: BitstreamError.self) {
        try SEIMessage.messages(in: Array(payload[..<length]))
      }
    }
    for size in [3, 5] as [UInt8] {
      #expect(throws: BitstreamError.self) {
        try SEIMessage.messages(in: [5, size, 1, 2, 3, 4, 0x80])
      }
    }
  }

  @Test func parameterSetsCarryBytes() throws {
    for bytes in [[], [0], [0x80, 0, 0, 1], [255, 1]] as [[UInt8]] {
      let payload = ParameterSetExtension.rawPayload(carrying: bytes)
      #expect(try ParameterSetExtension.bytes(in: payload) == bytes)
    }
    // An adaptive loop filter's set, one without extension and one of five bits.
    for other in [[0x1f, 0x60, 0x80], [0xff, 0x20], [0xff, 0x55, 0x80]] as [[UInt8]] {
      #expect(try ParameterSetExtension.bytes(in: other) == nil)
    }
  }
}
