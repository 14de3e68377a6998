import Bitstream
import Graph
import Tensors
import Testing

@testable import Signalling

/// What streams may not say: each is an error that names the place.
@Suite struct ReceiverTests {
  let graph: Graph
  let base: SignalMessages
  let update: SignalMessages

  init() throws {
    graph = Networks.convolutions
    var tuned = graph
    tuned.initializers["w1_scale"] = Tensor(scalar: Float(0.03))
    base = try SignalMessages(
      of: graph, SignalSettings(activation: PostFilterActivation(target: 0)))
    update = try SignalMessages(of: tuned, updating: graph, SignalSettings())
  }

  private func reason(_ units: [UInt8]) -> String {
    do {
      let network = try SignalReceiver(try ByteStream(units)).networks[0]
      _ = try network?.rebuilt(on: graph)
      return ""
    } catch {
      return "\(error)"
    }
  }

  /// The messages of `base` after a change, as a stream.
  private func changed(_ change: (inout SignalMessages) -> Void) -> [UInt8] {
    var copy = base
    change(&copy)
    return copy.units(.hevc)
  }

  @Test func aStreamThatIsRight() {
    #expect(reason(base.units(.hevc)) == "")
    #expect(reason(base.units(.hevc) + update.units(.hevc)) == "")
  }

  @Test func orderOfMessages() {
    #expect(reason(update.units(.hevc)).contains("nnq_update_flag: an update of network 0 came"))
    var messages = SEIMessage(
      payloadType: 210,
      payload: PostFilterCharacteristics(identifier: 4, isBase: false, payload: .stream([])).bytes)
    let marker = SEIMessage(payloadType: 5, payload: QuantizerMessage.identifier)
    func unit(_ messages: [SEIMessage]) -> [UInt8] {
      ByteStream.unit(
        NALHeader(type: 39), rawPayload: SEIMessage.rawPayload(of: messages), .hevc)
    }
    #expect(
      reason(unit([marker, messages])).contains(
        "nnpfc_base_flag: an update of filter 4 came before"))
    messages.payloadType = 211
    messages.payload = PostFilterActivation(target: 4).bytes
    #expect(
      reason(unit([marker, messages])).contains("nnpfa_target_id: filter 4 is activated before"))
    let alone = SEIMessage(
      payloadType: 5, payload: QuantizerMessage.identifier + base.quantizers.bytes)
    #expect(reason(unit([alone])).contains("nn_post_filter_characteristics did not"))
    #expect(
      reason(changed { $0.characteristics.isBase = false }).contains("came before its base"))
    #expect(
      reason(unit([marker, SEIMessage(payloadType: 4, payload: [0])])).contains(
        "payload_type: 4 does not belong there"))
  }

  @Test func quantizersEndWithTheirSequence() throws {
    func unit(_ messages: [SEIMessage]) -> [UInt8] {
      ByteStream.unit(
        NALHeader(type: 39), rawPayload: SEIMessage.rawPayload(of: messages), .hevc)
    }
    let quantizers = unit([
      SEIMessage(payloadType: 5, payload: QuantizerMessage.identifier + base.quantizers.bytes)
    ])
    let tensors = unit([
      SEIMessage(payloadType: 5, payload: QuantizerMessage.identifier),
      SEIMessage(payloadType: 210, payload: base.characteristics.bytes),
    ])
    // Pictures of layer 0, and one of layer 1: IDR_W_RADL, TRAIL_R.
    let first: [UInt8] = [0, 0, 1, 0x26, 1, 0x80, 5]
    let next: [UInt8] = [0, 0, 1, 0x02, 1, 0x80, 6]
    let other: [UInt8] = [0, 0, 1, 0x26, 9, 0x80, 5]
    #expect(reason(quantizers + tensors + first) == "")
    #expect(reason(quantizers + first + tensors + next) == "")
    #expect(reason(first + quantizers + other + tensors + next) == "")
    for tail in [tensors + first, first] {
      let found = reason(quantizers + first + tail)
      #expect(
        found.contains("quantizers of network 0 came in the coded layer video sequence that ends"),
        "\(found)")
    }
  }

  @Test func networksOfAStreamAreCounted() throws {
    var units: [UInt8] = []
    func messages(_ identifier: Int) -> [UInt8] {
      var copy = base
      copy.quantizers.networkID = identifier
      copy.characteristics.identifier = identifier
      copy.activation = nil
      return copy.units(.hevc)
    }
    for identifier in 0..<SignalReceiver.mostNetworks { units += messages(identifier) }
    let again = try SignalReceiver(try ByteStream(units + messages(7)))
    #expect(again.networks.count == SignalReceiver.mostNetworks)
    let error = #expect(throws: BitstreamError.self) {
      try SignalReceiver(try ByteStream(units + messages(512)))
    }
    #expect(error?.element == "nnq_network_id")
    #expect(error?.reason.contains("network 512 is one more than the 256") == true)
  }

  @Test func numbersThatContradict() throws {
    #expect(reason(changed { $0.quantizers.modelChecksum ^= 1 }).contains("nnq_model_crc"))
    #expect(reason(changed { $0.quantizers.topologyChecksum ^= 1 }).contains("their checksum is"))
    let needed = try #require(base.quantizers.accumulatorBits)
    let tooFew = reason(changed { $0.quantizers.accumulatorBits = needed - 1 })
    #expect(
      tooFew.contains("needs \(needed) bits, the message states \(needed - 1)")
        && tooFew.contains("nnq_accumulator_bits"), "\(tooFew)")
    #expect(
      reason(changed { $0.quantizers.quantizers[0].bits = 7 }).contains("unsigned codes of 7 bits"))
    #expect(
      reason(
        changed {
          $0.quantizers.quantizers[0].scales = .shifts([1, 2])
          $0.quantizers.quantizers[0].zeroPoints = [1, 2]
        }
      ).contains("2 scales"))
    #expect(
      reason(changed { $0.quantizers.associations[0].kind = .slope }).contains("no such quantizer"))
    #expect(
      reason(changed { $0.quantizers.associations.removeAll { $0.quantizer == 1 } }).contains(
        "no message holds 'w0_scale'"))
    for (change, expected) in [
      ({ $0.name = "L7.kernel" }, "the model has no tensor 'L7.kernel'"),
      ({ $0.shape = [36] }, "has the shape [36], in the model [4, 1, 3, 3]"),
      ({ $0.values[0] = 99 }, "nnq_model_crc"),
    ] as [((inout CodedTensor) -> Void, String)] {
      var tensors = try GraphSignals(of: graph, graph.signalledOperands()).tensors
      change(&tensors[0])
      let units = changed {
        $0.characteristics.payload = .stream(CompressedNetwork.encode(tensors))
      }
      #expect(reason(units).contains(expected))
    }
  }

  @Test func bytesThatAreBroken() throws {
    let units = base.units(.hevc)
    func broken(_ change: (inout [UInt8]) -> Void) -> String {
      var copy = units
      change(&copy)
      return reason(copy)
    }
    // payload_size of the first message.
    #expect(broken { $0[7] += 1 }.contains("payload_size"))
    #expect(broken { $0[7] -= 1 } != "")
    #expect(broken { $0.removeLast(3) }.contains("payload_size"))
    // Emulation prevention that is missing: a unit with zeros in its tensors has some.
    var zeros = graph
    zeros.initializers["w0_scale"] = Tensor(
      [0x1p-100, 0.25, 0.1, 1].map { Float($0) })
    zeros.initializers["b0"] = Tensor([0, 0, 0, 0] as [Int32])
    let messages = try SignalMessages(of: zeros, SignalSettings())
    let protected = messages.units(.hevc)
    let places = (6..<protected.count - 2).filter {
      protected[$0] == 3 && protected[$0 - 1] == 0 && protected[$0 - 2] == 0
    }
    #expect(!places.isEmpty)
    for place in places {
      var copy = protected
      copy.remove(at: place)
      #expect(reason(copy) != "")
    }
    // An arithmetic code that is cut off, in a unit whose sizes are right.
    let tensors = CompressedNetwork.encode(
      [CodedTensor(name: "L1.kernel", shape: [36], format: .int8, values: (0..<36).map { $0 })])
    var cut = Array(tensors.dropLast(4))
    cut[19] -= 4
    #expect(
      reason(changed { $0.characteristics.payload = .stream(cut) }).contains(
        "the arithmetic code is cut off"))
  }

  @Test func streamsAreRestoredToTheByte() throws {
    // Four NAL units before a picture, with start codes of three and four bytes and zeros between.
    let original: [UInt8] = [
      0, 0, 0, 1, 0x40, 1, 7, 0, 0, 0, 0, 1, 0x42, 1, 9, 0, 0, 1, 0x4e, 1, 5, 1, 7, 0x80, 0, 0, 0,
      1, 0x26, 1, 0x80, 5, 0, 0, 1, 0x02, 1, 0x80, 6, 0, 0, 1, 0x26, 1, 0x80, 5, 0, 0, 0,
    ]
    let stream = try ByteStream(original)
    for placement in [.picture(0), .picture(1), .picture(2), .everyRandomAccess]
      as [SignalPlacement]
    {
      let signalled = try ByteStream(try stream.inserting(base, before: placement))
      #expect(signalled.signalUnits.count == (placement == .everyRandomAccess ? 2 : 1))
      #expect(signalled.units.count == stream.units.count + signalled.signalUnits.count)
      #expect(signalled.withoutSignals() == original)
      #expect(try SignalReceiver(signalled).networks[0]?.base.quantizers == base.quantizers)
      let twice = try ByteStream(
        try signalled.inserting(update, before: .picture(2)))
      #expect(twice.withoutSignals() == original)
    }
    // Before the picture, behind the SEI message that precedes it.
    let first = try ByteStream(try stream.inserting(base, before: .picture(0)))
    #expect(first.units.map(\.header.type) == [32, 33, 39, 39, 19, 1, 19])
    #expect(first.isSignal(first.units[3]) && !first.isSignal(first.units[2]))
    #expect(throws: BitstreamError.self) {
      try stream.inserting(base, before: .picture(3))
    }
    #expect(stream.withoutSignals() == original)
  }

  @Test func unitsAreOfThePicturesLayerAndSubLayer() throws {
    // A picture of layer 0 and sub-layer 0, and one of layer 1 and sub-layer 2.
    let hevc: [UInt8] = [0, 0, 1, 0x26, 1, 0x80, 5, 0, 0, 1, 0x02, 0x0b, 0x80, 6]
    let vvc: [UInt8] = [0, 0, 1, 0, 0x39, 0x80, 5, 0, 0, 1, 1, 0x03, 0x80, 6]
    for (bytes, codec) in [(hevc, VideoCodec.hevc), (vvc, .vvc)] {
      let stream = try ByteStream(bytes)
      #expect(stream.codec == codec)
      for carrier in SignalCarrier.allCases where codec == .vvc || carrier == .sei {
        for number in 0..<2 {
          let signalled = try ByteStream(
            try stream.inserting(base, carrier: carrier, before: .picture(number)))
          let headers = signalled.signalUnits.map(\.header)
          #expect(headers.count == (carrier == .aps ? 2 : 1))
          #expect(headers.allSatisfy { $0.layer == number && $0.temporalID == 2 * number })
          #expect(try SignalReceiver(signalled).networks[0]?.base.quantizers == base.quantizers)
        }
      }
    }
  }

  @Test func networksTogetherHaveALimit() throws {
    // 36, 4 and 4 codes.
    let size = 44
    let other = try SignalMessages(of: graph, SignalSettings(networkID: 1))
    let again = try ByteStream(base.units(.hevc) + base.units(.hevc))
    #expect(try SignalReceiver(again, limit: size).networks.count == 1)
    let both = try ByteStream(base.units(.hevc) + other.units(.hevc))
    #expect(try SignalReceiver(both, limit: 2 * size).networks.count == 2)
    let error = #expect(throws: BitstreamError.self) {
      try SignalReceiver(both, limit: 2 * size - 1)
    }
    #expect(error?.element == "tensor_dimensions")
  }

  @Test func quantizersComeOncePerNetwork() throws {
    func parameterSet(_ message: QuantizerMessage) -> [UInt8] {
      ByteStream.unit(
        NALHeader(type: 17),
        rawPayload: ParameterSetExtension.rawPayload(
          carrying: QuantizerMessage.identifier + message.bytes), .vvc)
    }
    let units = base.units(.vvc, carrier: .aps)
    // The same once more is no contradiction.
    #expect(reason(parameterSet(base.quantizers) + units) == "")
    var other = base.quantizers
    other.accumulatorBits = nil
    #expect(
      reason(parameterSet(other) + units).contains(
        "nnq_network_id: other quantizers of network 0 came before"))
  }

  @Test func parameterSetsOfOthersStay() throws {
    let other = ByteStream.unit(
      NALHeader(type: 17), rawPayload: ParameterSetExtension.rawPayload(carrying: [1, 2, 3]), .vvc)
    let units = base.units(.vvc, carrier: .aps)
    let stream = try ByteStream(other + units + other)
    #expect(stream.signalUnits.map(\.header.type) == [17, 23])
    #expect(stream.withoutSignals() == other + other)
    #expect(try SignalReceiver(stream).networks[0]?.base.quantizers == base.quantizers)
  }
}
