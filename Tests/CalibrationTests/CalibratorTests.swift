import Calibration
import Graph
import Operations
import Quantization
import Tensors
import Testing

/// x [N, 2, 4, 4] -> Conv -> a -> Relu -> y, or with the batch fixed at 1.
func network(fixedBatch: Bool = false) -> Graph {
  let shape: [Dimension] = [
    fixedBatch ? .fixed(1) : .symbolic("N"), .fixed(2), .fixed(4), .fixed(4),
  ]
  return Graph(
    opsets: ["": 13], inputs: [ValueInfo(name: "x", elementType: .float32, shape: shape)],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: ["w": Tensor((0..<54).map { Float($0) / 31 - 0.7 }, shape: [3, 2, 3, 3])],
    nodes: [
      Node(
        name: "conv", "Conv", inputs: ["x", "w"], outputs: ["a"],
        attributes: ["pads": .ints([1, 1, 1, 1])]),
      Node(name: "relu", "Relu", inputs: ["a"], outputs: ["y"]),
    ])
}

func sample(_ number: Int) -> CalibrationSample {
  var state = UInt32(number &* 7919 &+ 17)
  let values = (0..<32).map { _ -> Float in
    state = state &* 1_664_525 &+ 1_013_904_223
    // Ranges differ by three orders of magnitude between samples.
    return (Float(state >> 8) / Float(1 << 24) - 0.4) * (number % 5 == 3 ? 1000 : 1)
  }
  return CalibrationSample(
    inputs: ["x": Tensor(values, shape: [1, 2, 4, 4])], name: "sample \(number)")
}

/// Statistics of samples in an order, some at a time.
func statistics(
  _ order: [Int], batch: Int, graph: Graph = network(), source: String = "data", shard: Int = 0,
  of shardCount: Int = 1
) throws -> Statistics {
  var calibrator = try Calibrator(
    graph, observing: ["x", "a", "y"], on: ReferenceBackend.shared)
  for start in stride(from: 0, to: order.count, by: batch) {
    try calibrator.add(order[start..<min(start + batch, order.count)].map(sample))
  }
  return Statistics(
    modelDigest: [UInt8](repeating: 7, count: 32),
    try calibrator.observations(
      of: .init(
        data: source, shard: shard, shardCount: shardCount, sampleCount: calibrator.sampleCount)))
}

@Suite struct CalibratorTests {
  @Test func theBitsDependOnTheSetOfSamplesAlone() throws {
    let bytes = try statistics(Array(0..<16), batch: 1).encoded()
    #expect(try statistics(Array(0..<16), batch: 5).encoded() == bytes)
    #expect(try statistics(Array(0..<16), batch: 16).encoded() == bytes)
    #expect(try statistics((0..<16).reversed(), batch: 3).encoded() == bytes)
    #expect(
      try statistics(Array(0..<16), batch: 4, graph: network(fixedBatch: true)).encoded() == bytes)
    #expect(try statistics(Array(0..<15), batch: 1).encoded() != bytes)
  }

  @Test func countsSamplesAndElements() throws {
    let seen = try statistics(Array(0..<7), batch: 3)
    #expect(seen.sampleCount == 7)
    #expect(seen.tensors["x"]?.elementCount == 7 * 32)
    #expect(seen.tensors["a"]?.elementCount == 7 * 48)
    #expect(seen.tensors["y"]?.histogram.minimum == 0)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func namesTensorAndSampleOfWhatIsNotFinite(value: Float) throws {
    var bad = sample(2)
    var values = bad.inputs["x"]!.array(of: Float.self)
    values[5] = value
    bad.inputs["x"] = Tensor(values, shape: [1, 2, 4, 4])
    for batch in [[sample(0), sample(1), bad, sample(3)], [bad]] {
      var calibrator = try Calibrator(
        network(), observing: ["x", "y"], on: ReferenceBackend.shared)
      let error = #expect(throws: CalibrationError.self) { try calibrator.add(batch) }
      #expect(error?.description.hasPrefix("sample 2: tensor 'x' holds") == true)
      #expect(calibrator.sampleCount == 0)
    }
    var calibrator = try Calibrator(
      network(), observing: ["x"], on: ReferenceBackend.shared, allowsNonFinite: true)
    try calibrator.add([bad])
    let histogram = try #require(calibrator.tensors["x"]?.histogram)
    #expect(histogram.nans + histogram.infinities == 1)
  }

  @Test func aModelWithoutSamplesIsAnError() throws {
    let calibrator = try Calibrator(network(), observing: ["x"], on: ReferenceBackend.shared)
    #expect(throws: CalibrationError.self) {
      try calibrator.observations(of: .init(data: "", sampleCount: 0))
    }
  }

  @Test func batchesFollowFromMemoryAndTheModel() throws {
    var open = try Calibrator(
      network(), observing: ["x", "a"], on: ReferenceBackend.shared, memoryLimit: 10 * 4 * 80)
    #expect(open.preferredBatch == 1)
    try open.add([sample(0)])
    #expect(open.preferredBatch == 10)
    var fixed = try Calibrator(
      network(fixedBatch: true), observing: ["x"], on: ReferenceBackend.shared)
    try fixed.add([sample(0)])
    #expect(fixed.preferredBatch == 1)
  }
}
