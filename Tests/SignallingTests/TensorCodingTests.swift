import Bitstream
import Testing

@testable import Signalling

/// Integers as the arithmetic code of ISO/IEC 15938-17, and streams of them.
@Suite struct TensorCodingTests {
  /// Numbers whose magnitudes fall off by halves, from a fixed generator.
  static func numbers(_ count: Int, scale: Int, seed: UInt64) -> [Int32] {
    var generator = Generator(seed: seed)
    return (0..<count).map { _ in
      let random = generator.next()
      let magnitude = min(random.trailingZeroBitCount, 20) * scale + Int(random >> 40) % scale
      return Int32(random >> 63 == 0 ? magnitude : -magnitude)
    }
  }

  @Test(arguments: [1, 2, 7, 64, 1000], [1, 3, 40, 5000])
  func integersComeBack(count: Int, scale: Int) throws {
    let values = Self.numbers(count, scale: scale, seed: UInt64(count * scale))
    for unaryLength in [1, 2, 11, 256] {
      for chooses in [false, true] {
        let bytes = WeightCoding.encode(
          values, unaryLength: unaryLength, choosesParameters: chooses)
        #expect(try WeightCoding.decode(bytes, count: count, unaryLength: unaryLength) == values)
      }
    }
  }

  @Test func extremesComeBack() throws {
    let largest = Int32.max
    let rows: [[Int32]] = [
      [Int32](repeating: 0, count: 3000), [Int32](repeating: -1, count: 3000),
      [largest, -largest, 0, 1, -1, largest], [0],
      (0..<3000).map { (number: Int32) in number % 2 == 0 ? 1 : -1 },
      (0..<31).map { (shift: Int32) in 1 << shift },
    ]
    for values in rows {
      let bytes = WeightCoding.encode(values, unaryLength: 11)
      #expect(try WeightCoding.decode(bytes, count: values.count, unaryLength: 11) == values)
    }
  }

  @Test func choosingParametersSavesBytes() {
    let values = Self.numbers(2000, scale: 1, seed: 5)
    let plain = WeightCoding.encode(values, unaryLength: 11, choosesParameters: false).count
    #expect(WeightCoding.encode(values, unaryLength: 11).count < plain)
  }

  @Test func everyCutIsFound() {
    let values = Self.numbers(300, scale: 3, seed: 9)
    let bytes = WeightCoding.encode(values, unaryLength: 11)
    for length in 0..<bytes.count {
      #expect(throws: BitstreamError.self) {
        try WeightCoding.decode(Array(bytes[..<length]), count: values.count, unaryLength: 11)
      }
    }
    #expect(throws: BitstreamError.self) {
      try WeightCoding.decode(bytes + [0], count: values.count, unaryLength: 11)
    }
    #expect(throws: BitstreamError.self) {
      try WeightCoding.decode(bytes, count: values.count - 1, unaryLength: 11)
    }
    // Far more than the bytes can hold.
    let tail = #expect(throws: BitstreamError.self) {
      try WeightCoding.decode(bytes, count: 1 << 28, unaryLength: 11)
    }
    #expect(tail?.reason.contains("cut off") == true)
  }

  static let tensors = [
    CodedTensor(
      name: "L0.kernel", shape: [4, 2, 3, 3], format: .int4,
      values: numbers(72, scale: 1, seed: 1).map { min(max($0, -8), 7) }),
    CodedTensor(
      name: "L0.bias", shape: [4], format: .int32, values: [123_456, -7, 0, -2_000_000_000]),
    CodedTensor(name: "L1.kernel", shape: [1], format: .int2, values: [-2]),
  ]

  /// Where short units end, by their sizes.
  private static func unitEnds(_ bytes: [UInt8]) -> [Int] {
    var ends: [Int] = []
    var end = 0
    while end < bytes.count {
      end += Int(bytes[end]) << 8 | Int(bytes[end + 1])
      ends.append(end)
    }
    return ends
  }

  @Test func tensorsTogetherHaveALimit() throws {
    let bytes = CompressedNetwork.encode(Self.tensors)
    #expect(try CompressedNetwork.decode(bytes, limit: 72 + 4 + 1) == Self.tensors)
    let error = #expect(throws: BitstreamError.self) {
      try CompressedNetwork.decode(bytes, limit: 72 + 4)
    }
    #expect(error?.element == "tensor_dimensions")
    #expect(error?.reason.contains("at most 0 are left") == true)
  }

  @Test func beginningsOfStreams() {
    #expect(CompressedNetwork.isStream(CompressedNetwork.encode([])))
    // Not independently decodable; in parts, with a counter; with a long size.
    for bytes in [[0, 4, 0, 0], [0, 5, 3, 0, 0], [0x80, 0, 0, 6, 2, 0]] as [[UInt8]] {
      #expect(CompressedNetwork.isStream(bytes))
    }
    for bytes in [[], [0, 4], [0, 0, 1, 0x40, 1], [0, 0, 0, 1, 0x40], [0, 4, 6, 0], [1, 2, 3]]
      as [[UInt8]]
    {
      #expect(!CompressedNetwork.isStream(bytes))
    }
  }

  @Test func codesBeginBelowTheirRange() {
    for bytes in [[0xff, 0, 0, 0], [0xff, 0x80, 0, 0]] as [[UInt8]] {
      let error = #expect(throws: BitstreamError.self) {
        try WeightCoding.decode(bytes, count: 1, unaryLength: 1)
      }
      #expect(error?.reason.contains("which is not below 510") == true)
    }
    #expect(throws: Never.self) { try ArithmeticDecoder([0xfe, 0x80]) }
  }

  @Test func streamsComeBack() throws {
    let bytes = CompressedNetwork.encode(Self.tensors)
    #expect(try CompressedNetwork.decode(bytes) == Self.tensors)
    // Start, parameter set and topology are the same in every stream.
    #expect(
      Array(bytes[..<18]) == [
        0, 4, 2, 0, 0, 8, 6, 0x81, 0, 0x40, 0, 0x80, 0, 6, 0x0e, 0, 0, 0,
      ])
    // A cut is found everywhere but between units, where the stream is one of fewer tensors.
    let ends = Self.unitEnds(bytes)
    #expect(ends.count == 6 && ends.last == bytes.count)
    for length in 0..<bytes.count {
      let cut = Array(bytes[..<length])
      if let unit = ends.firstIndex(of: length) {
        #expect(try CompressedNetwork.decode(cut) == Array(Self.tensors.prefix(max(unit - 2, 0))))
      } else {
        #expect(throws: BitstreamError.self) { try CompressedNetwork.decode(cut) }
      }
    }
  }

  @Test func longUnits() throws {
    let tensor = CodedTensor(
      name: "L0.kernel", shape: [40000], format: .int16,
      values: (0..<40000).map { Int32($0 * 7919 % 65536 - 32768) })
    let bytes = CompressedNetwork.encode([tensor])
    #expect(bytes.count > 1 << 15)
    #expect(try CompressedNetwork.decode(bytes) == [tensor])
  }

  @Test func whatIsNotSupportedIsNamed() {
    let bytes = CompressedNetwork.encode(Self.tensors)
    func broken(_ position: Int, _ value: UInt8) -> String {
      var copy = bytes
      copy[position] = value
      do {
        _ = try CompressedNetwork.decode(copy)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(broken(3, 1).contains("general_profile_idc: profile 1"))
    #expect(broken(2, 6).contains("the first unit is no start unit"))
    #expect(broken(6, 0x0a).contains("units of type 2 are not supported"))
    #expect(broken(6, 0x3e).contains("nnr_unit_type: 15 is reserved"))
    #expect(broken(1, 1).contains("1 bytes are too few"))
    #expect(broken(21, 0x0b).contains("payloads of type 1"))
  }

  @Test func formatsHoldTheirValues() {
    for (range, format) in [
      (0...0, .int2), (-2...1, .int2), (0...3, .int3), (-8...7, .int4), (0...255, .int16),
      (-128...127, .int8), (-40000...0, .int32),
    ] as [(ClosedRange<Int>, CodedFormat)] {
      #expect(CodedFormat(holding: range) == format)
    }
  }
}

/// SplitMix64.
struct Generator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
