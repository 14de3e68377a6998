import Bitstream
import Graph
import Operations
import Tensors
import Testing
import Video

@testable import Signalling

/// Operators of a graph as bits, and a network from a stream alone.
@Suite struct TopologyTests {
  /// Every kind of attribute, an output that nobody wants, an input that is left out, a constant that does
  /// not travel in messages.
  private var graph: Graph {
    var graph = Networks.convolutions
    graph.initializers["factor"] = Tensor([1.5, -2] as [Float], shape: [2, 1])
    graph.nodes.append(
      Node(
        name: "strange", "Strange", domain: "example", inputs: ["y", "", "factor"],
        outputs: ["z", "", "u"],
        attributes: [
          "a": .int(-7), "b": .int(Int.min), "c": .float(.pi), "d": .string("ä"),
          "e": .ints([1, 1 << 40, 0]), "f": .floats([0.5, -0]), "g": .strings(["", "x"]),
          "h": .tensor(Tensor([1, -1] as [Int8], as: .int4)),
        ]))
    graph.outputs.append(
      ValueInfo(name: "u", elementType: .float16, shape: [.unknown, .symbolic("n"), .fixed(3)]))
    graph.outputs.append(ValueInfo(name: "factor", elementType: .float32))
    return graph
  }

  @Test func operatorsGoRound() throws {
    let operands = try graph.signalledOperands()
    let count = operands.flatMap(\.initializers).reduce(0) {
      $0 + (graph.initializers[$1]?.count ?? 0)
    }
    let bytes = try NetworkTopology.bytes(of: graph)
    let found = try NetworkTopology.graph(bytes, limit: count)
    #expect(try found.signalledTopologyChecksum() == graph.signalledTopologyChecksum())
    #expect(found.nodes.map(\.attributes) == graph.nodes.map(\.attributes))
    #expect(found.inputs[0].shape == graph.inputs[0].shape)
    #expect(found.outputs[1].shape == [.unknown, .unknown, .fixed(3)])
    #expect(try NetworkTopology.bytes(of: found) == bytes)
    // Placeholders hold nothing of what is signalled.
    #expect(found.initializers.values.contains { $0 == graph.initializers["factor"] })
    #expect(!found.initializers.values.contains { $0 == graph.initializers["w0"] })
  }

  @Test func shapesAloneMakeNoTensors() throws {
    let bytes = try NetworkTopology.bytes(of: graph)
    let error = #expect(throws: BitstreamError.self) {
      try NetworkTopology.graph(bytes, limit: 10)
    }
    #expect(error?.element == "nnt_extent")
  }

  @Test func aNetworkComesFromTheStreamAlone() throws {
    let original = Networks.convolutions
    var settings = SignalSettings(networkID: 3)
    let messages = try SignalMessages(of: original, settings)
    let stream = try ByteStream(messages.units(.hevc))
    let network = try #require(try SignalReceiver(stream).networks[3])
    let rebuilt = try network.rebuilt()
    let operands = try original.signalledOperands()
    let own = try rebuilt.signalledOperands()
    #expect(own.count == operands.count)
    for (a, b) in zip(own, operands) {
      #expect(a.kind == b.kind && a.layer == b.layer)
      for (x, y) in zip(a.initializers, b.initializers) {
        #expect(rebuilt.initializers[x] == original.initializers[y])
      }
    }
    #expect(try rebuilt.requantization() == original.requantization())
    // An update of the model comes to the network of the stream.
    var tuned = original
    tuned.initializers["b0"] = Tensor([1, 2, 3, 4] as [Int32])
    let update = try SignalMessages(of: tuned, updating: original, settings)
    #expect(update.characteristics.bytes.count < messages.characteristics.bytes.count)
    let both = try ByteStream(messages.units(.hevc) + update.units(.hevc))
    let later = try #require(try SignalReceiver(both).networks[3]).rebuilt()
    #expect(later.initializers.values.contains { $0 == tuned.initializers["b0"] })
    settings.carriesTopology = false
    let without = try SignalMessages(of: original, settings)
    #expect(without.characteristics.bytes.count < messages.characteristics.bytes.count)
    let bare = try SignalReceiver(try ByteStream(without.units(.hevc))).networks[3]
    let error = #expect(throws: BitstreamError.self) { try bare?.rebuilt() }
    #expect(error?.element == "topology_data")
  }

  @Test func otherOperatorsThanTheChecksumsAreRefused() throws {
    var other = Networks.convolutions
    other.nodes[1].attributes["pads"] = .ints([0, 0, 2, 2])
    var messages = try SignalMessages(of: Networks.convolutions, SignalSettings())
    let tensors = try GraphSignals(of: other, other.signalledOperands()).tensors
    messages.characteristics.payload = .stream(
      CompressedNetwork.encode(tensors, topology: try NetworkTopology.bytes(of: other)))
    let network = try SignalReceiver(try ByteStream(messages.units(.hevc))).networks[0]
    let error = #expect(throws: BitstreamError.self) { try network?.rebuilt() }
    #expect(error?.reason.contains("checksum") == true)
  }

  @Test func foreignTopologiesArePassedOver() throws {
    var bytes = CompressedNetwork.encode([], topology: [1, 2, 3])
    #expect(try CompressedNetwork.content(of: bytes).topology == [1, 2, 3])
    // topology_storage_format of another kind.
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x0e, 0, 0]) })
    bytes[place + 1] = 2
    #expect(try CompressedNetwork.content(of: bytes).topology == nil)
    bytes[place + 1] = 0
    bytes[place + 3 + 7] = UInt8(ascii: "*")
    #expect(throws: BitstreamError.self) { try CompressedNetwork.content(of: bytes) }
  }

  /// A stream whose operators are those of `graph`, with the checksum that they have.
  private func received(_ graph: Graph) throws -> ReceivedNetwork {
    let messages = try SignalMessages(of: Networks.filter(), SignalSettings())
    let stream = try ByteStream(messages.units(.hevc))
    var network = try #require(try SignalReceiver(stream).networks[0])
    network.base.topology = try NetworkTopology.bytes(of: graph)
    network.base.quantizers.topologyChecksum = try graph.signalledTopologyChecksum()
    return network
  }

  @Test func operatorsAreCheckedBeforeAnythingReadsThem() throws {
    let damages: [(String, (inout Graph) -> Void)] = [
      ("node", { $0.nodes[0].operatorType = "Expand" }),
      ("1 inputs", { $0.nodes[4].inputs = ["s"] }),
      ("pads", { $0.nodes[1].attributes["pads"] = .ints([1, 1, 1, 1 << 40]) }),
      ("writes nothing", { $0.nodes.append(Node("Relu", inputs: ["s"], outputs: [])) }),
      ("too many", { $0.inputs[0].shape = [.fixed(1), .fixed(1 << 20), .fixed(1 << 20)] }),
    ]
    for (text, damage) in damages {
      var graph = Networks.filter()
      damage(&graph)
      let network = try received(graph)
      let error = #expect(throws: BitstreamError.self) { try network.rebuilt() }
      #expect(error?.description.contains(text) == true, "\(text): \(error?.description ?? "")")
      #expect(error?.description.contains("topology_data") == true)
    }
  }

  /// Ones that the nodes named `large` make of each other: in front of the nodes, `c0` and `c1`.
  private func ones(_ nodes: [Node], in graph: inout Graph) {
    for name in ["c0", "c1"] {
      graph.initializers[name] = Tensor([1] as [Float], shape: [1, 1, 1, 1])
    }
    append(nodes, &graph)
  }

  private func concat(_ a: String, _ b: String, _ result: String) -> Node {
    Node("Concat", inputs: [a, b], outputs: [result], attributes: ["axis": .int(3)])
  }

  /// Adds the largest element of the constant `large`, which the nodes make, to the picture.
  private func append(_ nodes: [Node], _ graph: inout Graph) {
    graph.nodes[4].outputs = ["d0"]
    graph.nodes += nodes
    graph.nodes += [
      Node("GlobalMaxPool", inputs: ["large"], outputs: ["one"]),
      Node("Add", inputs: ["d0", "one"], outputs: ["d1"]),
    ]
    graph.outputs[0].name = "d1"
  }

  /// Few nodes that make much out of little: refused by their shapes, before anything is computed.
  @Test func chainsOfNodesAreBounded() throws {
    func concats(_ graph: inout Graph) {
      graph.nodes[4].outputs = ["d0"]
      for number in 0..<70 {
        graph.nodes.append(
          Node(
            "Concat", inputs: ["d\(number)", "d\(number)"], outputs: ["d\(number + 1)"],
            attributes: ["axis": .int(1)]))
      }
      graph.outputs[0].name = "d70"
    }
    let chains: [(String, (inout Graph) -> Void)] = [
      ("(Concat): its result of [1, ", concats),
      // Nothing is in it, however large it is.
      (
        "(Concat): its result of [0, ",
        { graph in
          concats(&graph)
          graph.initializers["none"] = Tensor([] as [Float], shape: [0, 1 << 28, 1, 1])
          graph.nodes[5].inputs = ["none", "none"]
        }
      ),
      (
        "node 'MatMul_5' (MatMul): its result of [1, 1, 2048, 2048]",
        { graph in
          graph.initializers["column"] = Tensor(repeating: Float(1), shape: [1, 1, 2048, 1])
          graph.initializers["row"] = Tensor(repeating: Float(1), shape: [1, 1, 1, 2048])
          append([Node("MatMul", inputs: ["column", "row"], outputs: ["large"])], &graph)
        }
      ),
      (
        "node 'Pad_5' (Pad): its result of [9, 9, 9, 9, 9, 9, 9, 9]",
        { graph in
          graph.initializers["point"] = Tensor([0] as [Float], shape: Array(repeating: 1, count: 8))
          graph.initializers["pads"] = Tensor([Int64](repeating: 4, count: 16))
          append([Node("Pad", inputs: ["point", "pads"], outputs: ["large"])], &graph)
        }
      ),
      // No node writes more than it reads; all together do.
      (
        "(Concat): its result of [1, 1, 1, ",
        { graph in
          let nodes = (1..<30).map { number in
            concat("c\(number)", "c\(number - 1)", number == 29 ? "large" : "c\(number + 1)")
          }
          ones(nodes, in: &graph)
        }
      ),
      (
        "(Concat): its result of [1, 1, 1, ",
        { graph in
          let nodes = (1..<20).flatMap { number in
            [
              Node("Identity", inputs: ["c\(number)"], outputs: ["i\(number)"]),
              concat("c\(number)", "i\(number)", number == 19 ? "large" : "c\(number + 1)"),
            ]
          }
          ones(nodes, in: &graph)
        }
      ),
    ]
    for (text, change) in chains {
      var graph = Networks.filter()
      change(&graph)
      let network = try received(graph)
      let error = #expect(throws: BitstreamError.self) { try network.rebuilt() }
      #expect(error?.description.contains(text) == true, "\(text): \(error?.description ?? "")")
      // Senders do not write what no receiver takes.
      #expect(throws: GraphError.self) { try SignalMessages(of: graph, SignalSettings()) }
    }
  }

  /// Weights that are cast, dequantized and reshaped are no such chain, however large they are.
  @Test func constantsMadeOfConstantsAreNotRefused() throws {
    var graph = Networks.filter()
    let count = 1 << 17
    graph.initializers["codes"] = Tensor(
      repeating: Int8(1), shape: [1, 1, 1, count])
    let nodes = [
      Node("Cast", inputs: ["codes"], outputs: ["cast"], attributes: ["to": .int(2)]),
      Node("DequantizeLinear", inputs: ["cast", "x_scale", "x_zero"], outputs: ["real"]),
      Node("Transpose", inputs: ["real"], outputs: ["large"]),
    ]
    append(nodes, &graph)
    try graph.requireFilterOperators()
    try graph.requireFilterSizes()
  }

  /// Results without a name are there while their node runs, and no longer.
  @Test func resultsWithoutNamesAreReleased() throws {
    for (type, inputs) in [("Relu", ["v"]), ("Clip", ["v", "", "most"])] {
      let graph = Graph(
        opsets: ["": 21],
        inputs: [
          ValueInfo(
            name: "x", elementType: .float32,
            shape: [.fixed(1), .fixed(4), .fixed(8), .fixed(8)])
        ], outputs: [ValueInfo(name: "y", elementType: .float32)],
        initializers: [
          "sizes": Tensor([1, 2, 1] as [Int64]), "most": Tensor(scalar: Float(6)),
        ],
        nodes: [
          Node(
            "Split", inputs: ["x", "sizes"], outputs: ["", "", "v"], attributes: ["axis": .int(1)]),
          Node(type, inputs: inputs, outputs: ["c"]),
          Node(
            "Concat", inputs: Array(repeating: "c", count: 8), outputs: ["y"],
            attributes: ["axis": .int(1)]),
        ])
      // One channel is left of four, then eight are made of it.
      let needed = (1 + 8) * 64
      try graph.requireElements(within: needed)
      let error = #expect(throws: GraphError.self) {
        try graph.requireElements(within: needed - 1)
      }
      #expect(error?.description.contains("(Concat)") == true, "\(error?.description ?? "")")
    }
  }

  /// What a picture needs is known before it is filtered.
  @Test func picturesThatNeedTooMuchAreRefused() throws {
    let property = PostFilterProperty(inputOrder: .luma, outputOrder: .luma)
    let picture = Picture(
      width: 8, height: 8,
      samples: [UInt8](repeating: 9, count: Picture.sampleCount(width: 8, height: 8)))
    // Codes of the picture, of the four channels that the second layer reads, and of the one that it writes.
    let needed = 64 + 4 * 64 + 64
    let filter = try PictureFilter(
      Networks.filter(), property, limit: needed, on: ReferenceBackend())
    _ = try filter.filtered(picture)
    let narrow = try PictureFilter(
      Networks.filter(), property, limit: needed - 1, on: ReferenceBackend())
    let error = #expect(throws: GraphError.self) { try narrow.filtered(picture) }
    #expect(error?.description.contains("node 'conv1' (QLinearConv)") == true)
  }

  @Test func groupsThatOverflowAreErrors() throws {
    var graph = Networks.filter()
    graph.nodes[1].attributes["group"] = .int(Int.max)
    graph.initializers["w0"] = Tensor(Networks.codes(72), shape: [4, 2, 3, 3])
    #expect(throws: (any Error).self) {
      let property = PostFilterProperty(inputOrder: .luma, outputOrder: .luma)
      let picture = Picture(
        width: 8, height: 8,
        samples: [UInt8](repeating: 9, count: Picture.sampleCount(width: 8, height: 8)))
      _ = try PictureFilter(graph, property, on: ReferenceBackend()).filtered(picture)
    }
  }

  @Test func differencesNeedWhatTheyDifferFrom() throws {
    let original = Networks.convolutions
    var tuned = original
    tuned.initializers["b0"] = Tensor([101, -100_000, 0, 7] as [Int32])
    let units =
      try SignalMessages(of: original, SignalSettings()).units(.hevc)
      + SignalMessages(of: tuned, updating: original, SignalSettings()).units(.hevc)
    var network = try #require(try SignalReceiver(try ByteStream(units)).networks[0])
    let update = try #require(network.update)
    let difference = try #require(
      update.tensors.first { $0.name.hasSuffix(CodedTensor.differenceMark) })
    network.base.tensors.removeAll { $0.name + CodedTensor.differenceMark == difference.name }
    let error = #expect(throws: BitstreamError.self) { try network.rebuilt(on: original) }
    #expect(error?.reason.contains("difference") == true)
  }
}
