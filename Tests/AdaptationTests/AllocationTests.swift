import Bitstream
import Calibration
import Checksums
import Graph
import Operations
import PostTraining
import Quantization
import Signalling
import Tensors
import Testing
import Video

@testable import Adaptation

/// Bits by what comes of them.
@Suite struct AllocationTests {
  /// Costs that are made up: each tensor has its own sensitivity, and bytes are bits.
  private func search(
    _ sensitivities: [Int], lambda: Double, choices: [Int] = [8, 6, 4]
  ) -> BitAllocation {
    BitAllocation(choices: sensitivities.map { _ in choices }, lambda: lambda) { bits in
      AllocatedBits(
        bits: bits, squaredError: zip(bits, sensitivities).reduce(0) { $0 + $1.1 * (8 - $1.0) },
        bytes: bits.reduce(0, +))
    }
  }

  @Test func tensorsThatMatterKeepTheirBits() throws {
    // A bit less costs `sensitivity` and gives 8 lambda.
    var search = search([1, 100, 5], lambda: 2)
    let greedy = try search.run(.greedy)
    #expect(greedy.bits == [4, 8, 4])
    #expect(try search.run(.exhaustive) == greedy)
    #expect(search.measuredCount == 27)
    let uniform = try search.run(.uniform)
    #expect(Set(uniform.bits).count == 1 && uniform.cost(2) > greedy.cost(2))
    #expect(try search.uniform().map(\.bits[0]) == [8, 6, 4])
  }

  @Test func withoutAPriceNothingIsReduced() throws {
    var search = search([1, 1], lambda: 0)
    #expect(try search.run(.greedy).bits == [8, 8])
    #expect(try search.run(.exhaustive).bits == [8, 8])
  }

  /// Where two reductions help only together, the exhaustive search finds what the greedy one does not.
  @Test func greedyCanStopEarly() throws {
    var search = BitAllocation(choices: [[8, 4], [8, 4]], lambda: 1) { bits in
      let error = bits == [8, 8] ? 10 : bits == [4, 4] ? 0 : 1000
      return AllocatedBits(bits: bits, squaredError: error, bytes: 1)
    }
    #expect(try search.run(.greedy).bits == [8, 8])
    #expect(try search.run(.exhaustive).bits == [4, 4])
  }

  @Test func uniformTakesTheNextLargerChoice() throws {
    var search = BitAllocation(choices: [[8, 4], [16, 6]], lambda: 0) {
      AllocatedBits(bits: $0, squaredError: 0, bytes: 0)
    }
    #expect(try search.uniform().map(\.bits) == [[8, 16], [8, 6], [4, 6]])
  }

  @Test func combinationsAreCounted() {
    #expect(search([1, 1, 1], lambda: 0).combinationCount == 27)
    #expect(search([Int](repeating: 1, count: 40), lambda: 0).combinationCount == nil)
  }

  /// A float filter is quantized, coded and run with each combination.
  @Test func aNetworkIsMeasuredByItsBytesAndPictures() throws {
    let graph = try float.preparedForQuantization()
    var settings = QuantizationSettings(target: .qoperator, improvements: [])
    settings.activations.range = .minmax
    let property = PostFilterProperty(inputOrder: .luma, outputOrder: .luma)
    let picture = FilterNetwork.picture(1)
    let plan = try QuantizationPlan(graph, settings: settings)
    var calibrator = try Calibrator(
      graph, observing: plan.observedValues, channelAxes: [:], patches: [:], on: ReferenceBackend(),
      allowsNonFinite: false)
    try calibrator.add([
      CalibrationSample(inputs: ["x": try property.tensor(of: picture)], name: "picture")
    ])
    let found = try calibrator.observations(
      of: .init(data: "pictures", shard: 0, shardCount: 1, sampleCount: 1))
    let allocation = try FilterAllocation(
      graph, histograms: found.histograms, channelMeans: [:], settings: settings,
      messages: MessageForm(),
      pictures: [(picture, picture)], on: ReferenceBackend())
    #expect(
      allocation.tensors.map(\.description) == [
        "conv0 weights", "conv0 input", "conv1 weights", "conv1 input",
      ])
    let fine = try allocation.measure([8, 8, 8, 8])
    let coarse = try allocation.measure([4, 8, 4, 8])
    #expect(coarse.bytes < fine.bytes)
    // What is charged is what is written, the hash of the filtered picture included.
    let network = try allocation.network([8, 8, 8, 8])
    var written = SignalSettings(activation: PostFilterActivation(target: 0))
    #expect(try SignalMessages(of: network, written).units(.hevc).count == fine.bytes)
    let filter = try PictureFilter(network, property, on: ReferenceBackend())
    written.pictureHash = MD5.digest(of: try filter.filtered(picture).samples)
    let hashed = try FilterAllocation(
      graph, histograms: found.histograms, channelMeans: [:], settings: settings,
      messages: MessageForm(statesPictureHash: true), pictures: [(picture, picture)],
      on: ReferenceBackend()
    ).measure([8, 8, 8, 8])
    #expect(try SignalMessages(of: network, written).units(.hevc).count == hashed.bytes)
    #expect(hashed.bytes >= fine.bytes + 16)
    // Input and output are the samples: a quantizer of 256 levels from 0 to 1.
    let messages = try SignalMessages(
      of: allocation.network([8, 8, 8, 8]), SignalSettings()
    ).quantizers
    let first = try #require(messages.associations.first)
    #expect(messages.quantizers[first.quantizer].scales.values == [Float(1) / 255])
    let levels = try allocation.network([4, 8, 8, 6]).metadata["qtool.levels"]
    #expect(levels?.contains("conv0=16x256") == true, "\(levels ?? "")")
    var search = BitAllocation(
      choices: [[8, 4], [8], [8, 4], [8]], lambda: 1e6, measure: allocation.measure)
    // Where bytes are all that counts, they are the fewest.
    let cheap = try search.run(.exhaustive)
    #expect(cheap.bytes == [fine, coarse].map(\.bytes).min())
  }

  @Test func namesAreNotPatterns() {
    let node = Node(name: "conv*", "Conv", inputs: [], outputs: [])
    let other = Node(name: "conv12", "Conv", inputs: [], outputs: [])
    #expect(NodePattern(exactly: "conv*").matches(node))
    #expect(!NodePattern(exactly: "conv*").matches(other))
    #expect(!NodePattern(exactly: "op:Conv").matches(other))
    #expect(NodePattern("conv*").matches(other) && NodePattern("op:Conv").matches(other))
  }

  /// The sum of a picture and two convolutions of it.
  private var float: Graph {
    func value(_ name: String) -> ValueInfo {
      ValueInfo(
        name: name, elementType: .float32,
        shape: [.fixed(1), .fixed(1), .fixed(16), .fixed(24)])
    }
    func weights(_ count: Int, _ shape: [Int]) -> Tensor {
      Tensor((0..<count).map { Float(($0 * 37 + 11) % 41 - 20) / 200 }, shape: shape)
    }
    let pads: [String: Attribute] = ["pads": .ints([1, 1, 1, 1])]
    return Graph(
      name: "float", opsets: ["": 17], inputs: [value("x")], outputs: [value("y")],
      initializers: ["w0": weights(18, [2, 1, 3, 3]), "w1": weights(18, [1, 2, 3, 3])],
      nodes: [
        Node(name: "conv0", "Conv", inputs: ["x", "w0"], outputs: ["a"], attributes: pads),
        Node(name: "relu", "Relu", inputs: ["a"], outputs: ["r"]),
        Node(name: "conv1", "Conv", inputs: ["r", "w1"], outputs: ["c"], attributes: pads),
        Node(name: "sum", "Add", inputs: ["x", "c"], outputs: ["y"]),
      ])
  }
}
