import Bitstream
import Checksums
import Execution
import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Tensors
import Testing
import Video

@testable import Signalling

/// Pictures through the networks that a stream holds.
@Suite struct FilterTests {
  private func picture(_ seed: Int, width: Int = 18, height: Int = 10) -> Picture {
    let count = Picture.sampleCount(width: width, height: height)
    return Picture(
      width: width, height: height,
      samples: (0..<count).map { UInt8(truncatingIfNeeded: ($0 * $0 + 31 * $0) / 7 + seed * 13) })
  }

  private let settings = SignalSettings(activation: PostFilterActivation(target: 0))

  /// Pictures of all kinds, messages between them.
  private func stream(_ parts: [Part]) throws -> ByteStream {
    try ByteStream(
      parts.flatMap { part -> [UInt8] in
        switch part {
        case .messages(let messages): messages.units(.hevc)
        case .random: [0, 0, 0, 1, 0x2a, 1, 0x80, 5]
        case .sequence: [0, 0, 0, 1, 0x26, 1, 0x80, 5]
        case .end: [0, 0, 0, 1, 0x48, 1]
        case .other: [0, 0, 0, 1, 0x02, 1, 0x80, 6]
        case .leading: [0, 0, 0, 1, 0x10, 1, 0x80, 7]
        }
      }, codec: .hevc)
  }

  private enum Part {
    case messages(SignalMessages)
    /// CRA, where decoding can begin and the sequence goes on.
    case random
    /// IDR, which begins a sequence.
    case sequence
    /// The end of a sequence.
    case end
    /// TRAIL_R.
    case other
    /// RASL_N: decoded behind a picture of random access, put out in front of it.
    case leading
  }

  /// What the original model makes of a plane, by the executor alone.
  private func expected(_ graph: Graph, _ picture: Picture) throws -> Picture {
    let values = picture.luma.map { Float(picture.samples[$0]) / 255 }
    let executor = try Executor(IntegerNetwork(graph).graph, on: ReferenceBackend())
    let input = Tensor(values, shape: [1, 1, picture.height, picture.width])
    let output = try #require(try executor.run(["x": input])["y"])
    var result = picture
    for (place, value) in output.array(of: Float.self).enumerated() {
      result.samples[place] = UInt8(min(max((value * 255).rounded(), 0), 255))
    }
    return result
  }

  @Test func lumaIsFilteredAndChromaStays() throws {
    let graph = Networks.filter()
    let messages = try SignalMessages(of: graph, settings)
    let timeline = try SignalTimeline(try stream([.messages(messages), .random]))
    var filter = StreamFilter(timeline, network: 0, on: ReferenceBackend())
    let outcome = try filter.filter(picture(1), number: 0)
    #expect(outcome.picture == (try expected(graph, picture(1))))
    #expect(outcome.picture.samples[..<180] != picture(1).samples[..<180])
    #expect(outcome.picture.samples[180...] == picture(1).samples[180...])
    #expect(outcome.applied == .base && !outcome.isVerified)
    #expect(outcome.hash == MD5.digest(of: outcome.picture.samples))
  }

  @Test(arguments: [1, 2, 6])
  func everyDeviceHasTheReferencesHash(_ channels: Int) throws {
    let messages = try SignalMessages(of: Networks.filter(channels: channels), settings)
    let timeline = try SignalTimeline(try stream([.messages(messages), .random]))
    var reference = StreamFilter(timeline, network: 0, on: ReferenceBackend())
    let hash = try reference.filter(picture(2), number: 0).hash
    #expect(hash != MD5.digest(of: picture(2).samples))
    for device in try Device.all().map({ try OpenCLBackend($0) }) {
      var filter = StreamFilter(timeline, network: 0, on: device)
      #expect(try filter.filter(picture(2), number: 0).hash == hash, "\(device.name)")
    }
  }

  /// Networks for pictures whose width and height are multiples of 3, or for one size only: neither fits the
  /// extents that graphs without pictures are looked at with.
  @Test func extentsAreThoseOfThePictures() throws {
    let block: [String: Attribute] = ["blocksize": .int(3)]
    var blocks = Networks.filter()
    blocks.nodes[0].inputs[0] = "x1"
    blocks.nodes.insert(
      contentsOf: [
        Node("SpaceToDepth", inputs: ["x"], outputs: ["x0"], attributes: block),
        Node("DepthToSpace", inputs: ["x0"], outputs: ["x1"], attributes: block),
      ], at: 0)
    var map = Networks.filter()
    map.nodes[4].outputs = ["y0"]
    map.initializers["map"] = Tensor(
      (0..<12 * 18).map { Float($0 % 5) / 64 }, shape: [1, 1, 12, 18])
    map.nodes.append(Node("Add", inputs: ["y0", "map"], outputs: ["y"]))
    let right = picture(7, height: 12)
    for graph in [blocks, map] {
      let messages = try SignalMessages(of: graph, settings)
      let timeline = try SignalTimeline(try stream([.messages(messages), .random]))
      var filter = StreamFilter(timeline, network: 0, on: ReferenceBackend())
      let outcome = try filter.filter(right, number: 0)
      #expect(outcome.applied == .base)
      #expect(outcome.picture == (try expected(graph, right)))
      #expect(throws: GraphError.self) { try filter.filter(picture(7), number: 0) }
    }
    // What stands behind such a node is bounded when there is a picture.
    var chain = blocks
    chain.nodes[6].outputs = ["d0"]
    for number in 0..<70 {
      chain.nodes.append(
        Node(
          "Concat", inputs: ["d\(number)", "d\(number)"],
          outputs: [number == 69 ? "y" : "d\(number + 1)"], attributes: ["axis": .int(1)]))
    }
    let property = PostFilterProperty(inputOrder: .luma, outputOrder: .luma)
    let filter = try PictureFilter(chain, property, on: ReferenceBackend())
    let error = #expect(throws: GraphError.self) { try filter.filtered(right) }
    #expect(
      error?.description.contains("(Concat): its result of [1, ") == true,
      "\(error?.description ?? "")")
  }

  /// Six channels: four luma samples of each chroma sample; a network that does nothing puts all back.
  @Test func interleavedSamplesComeBack() throws {
    let property = PostFilterProperty(
      inputOrder: .interleaved, inputFormat: .integer(bits: 8), outputOrder: .interleaved,
      outputFormat: .integer(bits: 8))
    let shape: [Dimension] = [.fixed(1), .fixed(6), .unknown, .unknown]
    let graph = Graph(
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: shape)],
      outputs: [ValueInfo(name: "y", elementType: .float32, shape: shape)],
      initializers: ["half": Tensor(scalar: Float(0.4))],
      nodes: [Node("Add", inputs: ["x", "half"], outputs: ["y"])])
    let filter = try PictureFilter(graph, property, on: ReferenceBackend())
    #expect(try filter.filtered(picture(3)) == picture(3))
    #expect(throws: GraphError.self) { try filter.filtered(picture(3, width: 7)) }
    // H.274's order of the four: left and right of the upper row, then of the lower.
    var only = graph
    only.initializers["half"] = Tensor([0, 255, 0, 0, 0, 0] as [Float], shape: [1, 6, 1, 1])
    let marked = try PictureFilter(only, property, on: ReferenceBackend()).filtered(picture(3))
    for y in 0..<10 {
      for x in 0..<18 where y % 2 == 0 && x % 2 == 1 {
        #expect(marked.samples[y * 18 + x] == 255)
      }
    }
    #expect(marked.samples[0] == picture(3).samples[0])
  }

  @Test func messagesEndWithTheirSequence() throws {
    let graph = Networks.filter()
    var tuned = graph
    tuned.initializers["b0"] = Tensor([1, 2, 3, 4] as [Int32])
    let base = try SignalMessages(of: graph, settings)
    let update = try SignalMessages(of: tuned, updating: graph, settings)
    func applied(_ parts: [Part]) throws -> [StreamFilter<ReferenceBackend>.Part?] {
      let timeline = try SignalTimeline(try stream(parts))
      var filter = StreamFilter(timeline, network: 0, on: ReferenceBackend())
      return try (0..<timeline.pictureCount).map {
        try filter.filter(picture(5), number: $0).applied
      }
    }
    // An IDR picture ends base, update and activation; a CRA picture does behind an end of sequence.
    #expect(
      try applied([.messages(base), .random, .random, .sequence, .other])
        == [.base, .base, nil, nil])
    #expect(
      try applied([.messages(base), .messages(update), .sequence, .random, .end, .random])
        == [.update, .update, nil])
    // A base that comes again does not bring back update or activation.
    var plain = base
    plain.activation = nil
    #expect(
      try applied([
        .messages(base), .messages(update), .sequence, .messages(plain), .sequence,
        .messages(base), .random,
      ]) == [.update, nil, .base])
    let late: [Part] = [.messages(base), .sequence, .messages(update), .sequence]
    let error = #expect(throws: BitstreamError.self) { try SignalTimeline(try stream(late)) }
    #expect(
      error?.reason.contains("ended with its coded layer video sequence") == true,
      "\(error?.reason ?? "")")
    #expect(throws: BitstreamError.self) { try SignalReceiver(try stream(late)) }
    // What a model is rebuilt from may be of a sequence that is over.
    let over = try SignalReceiver(try stream([.messages(base), .sequence, .sequence]))
    #expect(over.networks[0]?.base.quantizers == base.quantizers && over.current.isEmpty)
  }

  @Test func messagesHoldFromTheirPicture() throws {
    let graph = Networks.filter()
    var tuned = graph
    tuned.initializers["b0"] = Tensor([1, 2, 3, 4] as [Int32])
    let base = try SignalMessages(of: graph, settings)
    let update = try SignalMessages(of: tuned, updating: graph, settings)
    var off = update
    off.activation = PostFilterActivation(target: 0, cancels: true)
    var once = update
    once.activation = PostFilterActivation(target: 0, persists: false)
    var plain = update
    plain.activation = PostFilterActivation(target: 0, targetsBase: true)
    let timeline = try SignalTimeline(
      try stream([
        .random, .messages(base), .random, .other, .messages(update), .random, .messages(off),
        .random, .other, .messages(once), .random, .random, .messages(plain), .random,
      ]))
    var filter = StreamFilter(timeline, network: 0, on: ReferenceBackend())
    let parts = try (0..<timeline.pictureCount).map {
      try filter.filter(picture(4), number: $0).applied
    }
    #expect(parts == [nil, .base, .base, .update, nil, nil, .update, nil, .base])
    let first = try filter.filter(picture(4), number: 2).hash
    let second = try filter.filter(picture(4), number: 3).hash
    #expect(first != second)
    #expect(second == MD5.digest(of: try expected(tuned, picture(4)).samples))
  }

  @Test func statedHashesMustBeFound() throws {
    let graph = Networks.filter()
    let right = MD5.digest(of: try expected(graph, picture(5)).samples)
    var stated = settings
    stated.pictureHash = right
    let messages = try SignalMessages(of: graph, stated)
    let timeline = try SignalTimeline(try stream([.messages(messages), .random, .other]))
    var filter = StreamFilter(timeline, network: 0, on: ReferenceBackend())
    #expect(try filter.filter(picture(5), number: 0).isVerified)
    // It is the hash of the picture behind the message, not of others.
    #expect(try !filter.filter(picture(6), number: 1).isVerified)
    let error = #expect(throws: BitstreamError.self) { try filter.filter(picture(6), number: 0) }
    #expect(error?.element == "nnq_picture_md5")
  }

  @Test func messagesInTheMiddleNeedTheOrderOfOutput() throws {
    let graph = Networks.filter()
    let messages = try SignalMessages(of: graph, settings)
    let middle = try stream([.random, .messages(messages), .other])
    let error = #expect(throws: BitstreamError.self) { try SignalTimeline(middle) }
    #expect(error?.reason.contains("before picture 1") == true)
    let open = try stream([.random, .messages(messages), .random, .leading, .other])
    let leading = #expect(throws: BitstreamError.self) { try SignalTimeline(open) }
    #expect(leading?.reason.contains("leading pictures") == true)
    #expect(try SignalTimeline(open, keepsOrder: true).applied(to: 1, of: 0) != nil)
    let timeline = try SignalTimeline(middle, keepsOrder: true)
    #expect(timeline.applied(to: 0, of: 0) == nil && timeline.applied(to: 1, of: 0) != nil)
    let behind = try stream([.random, .messages(messages)])
    #expect(throws: BitstreamError.self) { try SignalTimeline(behind) }
    // Without pictures, messages are for the first one.
    let alone = try SignalTimeline(try stream([.messages(messages)]))
    #expect(alone.pictureCount == 0 && alone.applied(to: 7, of: 0) != nil)
  }

  @Test func otherFiltersAreRefused() throws {
    let graph = Networks.filter()
    func refusal(_ change: (inout PostFilterProperty) -> Void) -> String {
      var property = PostFilterProperty(inputOrder: .luma, outputOrder: .luma)
      change(&property)
      do {
        _ = try PictureFilter(graph, property, on: ReferenceBackend()).filtered(picture(0))
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(refusal { _ in } == "")
    #expect(refusal { $0.inputFormat = .integer(bits: 10) }.contains("10 bits"))
    #expect(refusal { $0.outputOrder = .all }.contains("order 0"))
    #expect(refusal { $0.channelsLast = true }.contains("channels last"))
    #expect(
      refusal {
        $0.inputOrder = .all
        $0.outputOrder = .all
      }.contains("4:2:0"))
  }
}
