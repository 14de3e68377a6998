import Bitstream
import Testing

@testable import Signalling

/// The syntax of every message: what is written is read, and what is wrong is named.
@Suite struct MessageTests {
  static let message = QuantizerMessage(
    networkID: 3, mode: .halfEven, accumulatorBits: 21, topologyChecksum: 0x1234_5678,
    quantizers: [
      SignalledQuantizer(
        isSigned: false, bits: 8, scales: .floats([0.0123]), zeroPoints: [128]),
      SignalledQuantizer(isSigned: true, bits: 4, levels: 15, scales: .shifts([7, 8, -2])),
      SignalledQuantizer(
        isSigned: true, bits: 8, scales: .floats([1e-3, 0.5]), zeroPoints: [-128, 127]),
    ],
    associations: [
      QuantizerAssociation(layer: 0, kind: .activationIn, quantizer: 0),
      QuantizerAssociation(layer: 0, kind: .kernel, quantizer: 1),
      QuantizerAssociation(layer: 4, kind: .activationIn, quantizer: 0),
      QuantizerAssociation(layer: 4, kind: .activationIn, operand: 1, quantizer: 2),
      QuantizerAssociation(layer: 4, kind: .slope, quantizer: 1),
    ],
    modelChecksum: 0xffff_ffff, pictureHash: (0..<16).map { UInt8($0) })

  @Test func quantizerMessagesComeBack() throws {
    var message = Self.message
    for accumulatorBits in [nil, 1, 63] {
      for mode in ArithmeticMode.allCases where !mode.isShift {
        for hash in [nil, Self.message.pictureHash] {
          message.accumulatorBits = accumulatorBits
          message.mode = mode
          message.pictureHash = hash
          message.isUpdate.toggle()
          #expect(try QuantizerMessage(message.bytes) == message)
        }
      }
    }
    let bytes = message.bytes
    for length in 0..<bytes.count {
      #expect(throws: BitstreamError.self) { try QuantizerMessage(Array(bytes[..<length])) }
    }
    #expect(throws: BitstreamError.self) { try QuantizerMessage(bytes + [0]) }
  }

  /// The syntax table in the documentation, bit by bit.
  @Test func bitsOfAQuantizerMessage() {
    let message = QuantizerMessage(
      networkID: 0, mode: .round, accumulatorBits: 16, topologyChecksum: 1,
      quantizers: [SignalledQuantizer(isSigned: true, bits: 8, scales: .shifts([7]))],
      associations: [QuantizerAssociation(layer: 1, kind: .kernel, quantizer: 0)],
      modelChecksum: 2)
    let bits =
      "00000001" + "1" + "0" + "001" + "010000"  // version, id, update, mode, accumulator
      + String(repeating: "0", count: 31) + "1"  // topology
      + "010" + "1" + "00111" + "0" + "0" + "1" + "0001110" + "0"  // one quantizer
      + "010" + "010" + "001" + "1" + "1"  // one association
      + String(repeating: "0", count: 30) + "10" + "0" + "1"  // model, hash, end
    let padded = bits + String(repeating: "0", count: (8 - bits.count % 8) % 8)
    let expected = stride(from: 0, to: padded.count, by: 8).map { start in
      UInt8(padded.dropFirst(start).prefix(8), radix: 2)
    }
    #expect(message.bytes == expected)
  }

  private func reason(_ change: (inout QuantizerMessage) -> Void) -> String {
    var message = Self.message
    change(&message)
    do {
      _ = try QuantizerMessage(message.bytes)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func whatQuantizersMayNotBe() {
    #expect(reason { $0.quantizers[0].bits = 17 }.contains("has 17 bits, at most 16"))
    #expect(reason { $0.quantizers[0].zeroPoints = [256] }.contains("256 is no code of 8 bits"))
    #expect(reason { $0.quantizers[1].levels = 17 }.contains("17 levels do not fit 4 bits"))
    #expect(reason { $0.quantizers[1].scales = .shifts([101]) }.contains("101 is not within"))
    #expect(reason { $0.quantizers[0].scales = .floats([-1]) }.contains("-1.0 is no scale"))
    #expect(reason { $0.quantizers[0].scales = .floats([.nan]) }.contains("nan is no scale"))
    #expect(reason { $0.associations[4].quantizer = 9 }.contains("there is no quantizer 9"))
    #expect(reason { $0.mode = .sadl }.contains("'sadl' the scale of the input must be a power"))
    var bytes = Self.message.bytes
    bytes[0] = 2
    #expect(throws: BitstreamError.self) { try QuantizerMessage(bytes) }
    // nnq_arithmetic_mode: after 8 bits of version, 5 of ue(3) and 1 of the update.
    bytes = Self.message.bytes
    bytes[1] |= 0b11
    bytes[2] |= 0b1000_0000
    let error = #expect(throws: BitstreamError.self) { try QuantizerMessage(bytes) }
    #expect(error?.description == "byte 2: nnq_arithmetic_mode: 7 is reserved")
  }

  @Test func shiftsThatMessagesHold() {
    #expect(SignalledQuantizer.Scales([0x1p-100, 0x1p100]) == .shifts([100, -100]))
    #expect(SignalledQuantizer.Scales([0x1p-101]) == .floats([0x1p-101]))
    #expect(SignalledQuantizer.Scales([0x1p101]) == .floats([0x1p101]))
  }

  @Test func shiftsMayNotBeNegative() throws {
    var message = QuantizerMessage(
      networkID: 0, mode: .round, accumulatorBits: 16, topologyChecksum: 0,
      quantizers: [7, 6, 13].map {
        SignalledQuantizer(isSigned: true, bits: 8, scales: .shifts([$0]))
      },
      associations: [.activationIn, .kernel, .activationOut].enumerated().map {
        QuantizerAssociation(layer: 2, kind: $1, quantizer: $0)
      }, modelChecksum: 0)
    #expect(try QuantizerMessage(message.bytes) == message)
    message.quantizers[2].scales = .shifts([14])
    let named = #expect(throws: BitstreamError.self) {
      try message.checkShifts(naming: { "node 'n\($0)'" })
    }
    #expect(named?.reason.hasPrefix("node 'n2': its sums are shifted by") == true)
    let error = #expect(throws: BitstreamError.self) { try QuantizerMessage(message.bytes) }
    #expect(error?.reason.contains("6 + 7 - 14 = -1 bits, which is negative") == true)
    // With a multiplier it may be.
    message.mode = .integerMultiplier
    #expect(try QuantizerMessage(message.bytes) == message)
  }

  static let property = PostFilterProperty(
    channelsLast: true, inputOrder: .all, inputFormat: .integer(bits: 10), outputOrder: .luma,
    outputFormat: .integer(bits: 8), overlap: 8,
    patch: PostFilterProperty.Patch(width: 64, height: 32, isConstant: true), padding: 2,
    complexity: PostFilterProperty.Complexity(
      parameterBits: 32, parametersIDC: 3, kiloMultiplications: 700, kilobytes: 12))

  @Test func characteristicsComeBack() throws {
    var characteristics = PostFilterCharacteristics(
      identifier: 700, isBase: true, payload: .stream([0, 0, 1]), property: Self.property)
    #expect(try PostFilterCharacteristics(characteristics.bytes) == characteristics)
    characteristics.payload = .uri(tag: "tag:example.org,2026:nnr", uri: "https://example.org/ü")
    #expect(try PostFilterCharacteristics(characteristics.bytes) == characteristics)
    for order in PostFilterProperty.Order.allCases {
      characteristics.property = PostFilterProperty(inputOrder: order, outputOrder: order)
      #expect(try PostFilterCharacteristics(characteristics.bytes) == characteristics)
    }
    let update = PostFilterCharacteristics(
      purpose: 0, identifier: 0, isBase: false, payload: .stream([7]))
    // purpose 0, id "1", base 0, mode "1", property 0, aligned
    #expect(update.bytes == [0, 0, 0b1010_0000, 7])
    #expect(try PostFilterCharacteristics(update.bytes) == update)
  }

  @Test func whatCharacteristicsMayNotBe() {
    func reason(_ bytes: [UInt8]) -> String {
      do {
        _ = try PostFilterCharacteristics(bytes)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(reason([0, 2, 0b1010_0000]).contains("nnpfc_purpose: 2"))
    #expect(reason([0, 0, 0b1110_0000]).contains("a base without properties"))
    #expect(reason([0, 1, 0b1001_1000]).contains("nnpfc_mode_idc: 2"))
    #expect(reason([0, 1, 0b1010_0100]).contains("nnpfc_alignment_zero_bit_b"))
    var reserved = PostFilterCharacteristics(
      identifier: 255, isBase: false, payload: .stream([]))
    #expect(reason(reserved.bytes).isEmpty)
    reserved.identifier = 300
    #expect(reason(reserved.bytes).contains("nnpfc_id: 300 is reserved"))
    let uri = PostFilterCharacteristics(
      identifier: 0, isBase: false, payload: .uri(tag: "a", uri: "b"))
    #expect(reason(Array(uri.bytes.dropLast(2))).contains("nnpfc_uri"))
    #expect(reason(uri.bytes + [0]).contains("nn_post_filter_characteristics: 1 bytes follow"))
  }

  @Test func activationsComeBack() throws {
    for bits in 0..<32 {
      let activation = PostFilterActivation(
        target: bits * 8, cancels: false, persists: bits & 1 != 0, targetsBase: bits & 2 != 0,
        excludesPrevious: bits & 4 != 0, excludesFollowing: bits & 9 == 9)
      #expect(try PostFilterActivation(activation.bytes) == activation)
    }
    let cancels = PostFilterActivation(target: 5, cancels: true, persists: false)
    #expect(try PostFilterActivation(cancels.bytes) == cancels)
    // "1", not cancelled, persists, three flags, no entries, three flags of version 4, "1"
    #expect(PostFilterActivation(target: 0).bytes == [0b1010_0010, 0b0010_0000])
    #expect(throws: BitstreamError.self) { try PostFilterActivation([0b1010_0011]) }
    let longer = #expect(throws: BitstreamError.self) {
      try PostFilterActivation(cancels.bytes + [0])
    }
    #expect(longer?.element == "nn_post_filter_activation")
  }
}
