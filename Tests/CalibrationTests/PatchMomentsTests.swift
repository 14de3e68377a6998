@testable import Calibration
import Checksums
import Graph
import Operations
import Quantization
import Tensors
import Testing

/// Kinds of patches of `x` `[N, 6, 6, 5]`, so small that all of them are looked at.
private let geometries: [PatchGeometry] = [
  PatchGeometry(
    kernel: [3, 3], strides: [1, 1], dilations: [1, 1],
    border: .zeros(before: [1, 1], after: [1, 1]), groups: 1),
  PatchGeometry(
    kernel: [3, 2], strides: [2, 1], dilations: [1, 2],
    border: .zeros(before: [0, 1], after: [2, 0]), groups: 3),
  PatchGeometry(
    kernel: [3, 3], strides: [2, 2], dilations: [1, 1], border: .same(oddZeroFirst: true), groups: 6
  ),
  PatchGeometry(
    kernel: [2, 2], strides: [2, 2], dilations: [1, 1], border: .same(oddZeroFirst: false),
    groups: 1),
  PatchGeometry(points: .second, groups: 2),
  PatchGeometry(points: .last),
]

private func input(_ number: Int) -> CalibrationSample {
  var state = UInt32(number &* 7919 &+ 17)
  let values = (0..<180).map { _ -> Float in
    state = state &* 1_664_525 &+ 1_013_904_223
    return (Float(state >> 8) / Float(1 << 24) - 0.4) * (number % 5 == 3 ? 1000 : 1)
  }
  return CalibrationSample(
    inputs: ["x": Tensor(values, shape: [1, 6, 6, 5])], name: "sample \(number)")
}

/// x [N, 6, 6, 5] -> Relu -> y
private func relu() -> Graph {
  let shape: [Dimension] = [.symbolic("N"), .fixed(6), .fixed(6), .fixed(5)]
  return Graph(
    opsets: ["": 13], inputs: [ValueInfo(name: "x", elementType: .float32, shape: shape)],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    nodes: [Node("Relu", inputs: ["x"], outputs: ["y"])])
}

private func statistics(
  _ order: [Int], batch: Int, graph: Graph = relu(), observing name: String = "x",
  _ patches: [PatchGeometry] = geometries, shard: Int = 0, of shardCount: Int = 1
) throws -> Statistics {
  var calibrator = try Calibrator(
    graph, observing: [name], patches: [name: Set(patches)], on: ReferenceBackend.shared)
  for start in stride(from: 0, to: order.count, by: batch) {
    try calibrator.add(order[start..<min(start + batch, order.count)].map(input))
  }
  return Statistics(
    modelDigest: [UInt8](repeating: 7, count: 32),
    try calibrator.observations(
      of: .init(data: "data", shard: shard, shardCount: shardCount, sampleCount: order.count)))
}

@Suite struct PatchMomentsTests {
  @Test func theBitsDependOnTheSetOfSamplesAlone() throws {
    let bytes = try statistics(Array(0..<9), batch: 1).encoded()
    #expect(try statistics(Array(0..<9), batch: 4).encoded() == bytes)
    #expect(try statistics((0..<9).reversed(), batch: 3).encoded() == bytes)
    var merged = try statistics([1, 3, 5, 7], batch: 4, shard: 1, of: 2)
    try merged.merge(statistics([8, 4, 0, 6, 2], batch: 2, shard: 0, of: 2))
    #expect(merged.encoded() == bytes)
    #expect(try Statistics(decoding: bytes).encoded() == bytes)
    #expect(try statistics(Array(0..<8), batch: 8).encoded() != bytes)
  }

  /// What a layer meets is what the reference's convolution reads: a filter of one weight gives it.
  @Test(arguments: geometries.indices.filter { !geometries[$0].kernel.isEmpty })
  func patchesAreThoseOfTheConvolution(index: Int) throws {
    let geometry = geometries[index]
    guard case .zeros(let before, let after) = geometry.border else { return }
    let seen = try statistics([0, 1, 2], batch: 3, [geometry])
    let moments = try #require(seen.tensors["x"]?.patches[geometry])
    let perGroup = 6 / geometry.groups
    let taps = geometry.taps
    let convolution = Convolution(
      window: Window(
        kernel: geometry.kernel, strides: geometry.strides, dilations: geometry.dilations,
        padBefore: before, padAfter: after), groups: 1)
    var selecting = [Float](repeating: 0, count: 6 * taps * 6 * taps)
    for element in 0..<(6 * taps) { selecting[element * 6 * taps + element] = 1 }
    var sums = [Double](repeating: 0, count: 6 * taps)
    var products = [Double](repeating: 0, count: 6 * taps * 6 * taps)
    var count = 0
    for sample in 0..<3 {
      let y = ReferenceBackend.shared.convolve(
        input(sample).inputs["x"]!,
        weights: Tensor(selecting, shape: [6 * taps, 6] + geometry.kernel), bias: nil, convolution)
      let values = y.array(of: Float.self)
      let places = y.shape[2] * y.shape[3]
      count += places
      for place in 0..<places {
        for a in 0..<(6 * taps) {
          sums[a] += Double(values[a * places + place])
          for b in 0..<(6 * taps) {
            products[a * 6 * taps + b] +=
              Double(values[a * places + place]) * Double(values[b * places + place])
          }
        }
      }
    }
    #expect(moments.layout.form == .whole)
    #expect(moments.count == UInt64(count))
    // Sums of at most 32 floats a sample: their error is below 2^-17 of the largest.
    let bound = products.map(\.magnitude).max()! / Double(count) * 0x1p-17
    for (element, mean) in moments.means.enumerated() {
      #expect(abs(mean - sums[element] / Double(count)) <= bound.squareRoot())
    }
    let own = moments.ownMoments(less: [Double](repeating: 0, count: 6 * taps))
    for (element, moment) in own.enumerated() {
      #expect(abs(moment - products[element * 6 * taps + element] / Double(count)) <= bound)
    }
    let cross = moments.crossMoments(less: [Double](repeating: 0, count: 6 * taps))
    var pair = 0
    for group in 0..<geometry.groups {
      let first = group * perGroup * taps
      for a in first..<(first + perGroup * taps) {
        for b in first..<a {
          #expect(abs(cross[pair] - products[a * 6 * taps + b] / Double(count)) <= bound)
          pair += 1
        }
      }
    }
    #expect(pair == cross.count)
  }

  @Test func largePatchesHaveTheMomentsOfTheirMeans() throws {
    let layout = try #require(PatchMoments.Layout(channels: 1024, taps: 9, groups: 1))
    #expect(layout.form == .means)
    #expect(layout.blockLengths == [512, 512])
    var random = UInt32(3)
    func patch() -> [Float] {
      (0..<layout.elements).map { _ in
        random = random &* 1_664_525 &+ 1_013_904_223
        return Float(random >> 24)
      }
    }
    // Whole numbers, whose sums are exact, but for the ninth of the means.
    let patches = [patch(), patch(), patch()]
    let places = (0..<3).map { patch in (0..<9).map { Optional(patch * 9 + $0) } }
    let sample = try #require(
      SamplePatches(layout, places: places) { channel, place in
        patches[place / 9][channel * 9 + place % 9]
      })
    var moments = PatchMoments(layout)
    moments.add([sample, sample])
    #expect(moments.count == 6)
    let zeros = [Double](repeating: 0, count: layout.elements)
    let own = moments.ownMoments(less: zeros)
    for (channel, a, b) in [(0, 0, 0), (7, 8, 3), (1023, 8, 8), (600, 5, 0)] {
      let expected = patches.reduce(0.0) {
        $0 + Double($1[channel * 9 + a]) * Double($1[channel * 9 + b])
      }
      #expect(own[channel * 45 + a * (a + 1) / 2 + b] == expected / 3)
    }
    let cross = moments.crossMoments(less: zeros)
    let blocks = layout.blocks
    for (block, a, b) in [(0, 1, 0), (0, 511, 510), (1, 600, 512), (1, 1023, 600)] {
      let first = blocks[block].units.lowerBound
      let row = a - first
      let expected = patches.reduce(0.0) { sum, patch in
        func mean(_ channel: Int) -> Double {
          patch[(channel * 9)..<(channel * 9 + 9)].reduce(0) { $0 + Double($1) } / 9
        }
        return sum + mean(a) * mean(b)
      }
      let found = cross[blocks[block].firstProduct + row * (row - 1) / 2 + b - first]
      // Means and three products are rounded once each: five roundings of 2^-24.
      #expect(abs(found / (expected / 3) - 1) <= 5 * 0x1p-24)
    }
  }

  /// Where the first dimension does not count samples, these are run one by one; 32 of 36 rows are looked
  /// at.
  @Test func valuesThatInterweaveSamplesAreSeenOneByOne() throws {
    var graph = relu()
    graph.initializers["shape"] = Tensor([Int64(-1), 5])
    graph.nodes = [Node("Reshape", inputs: ["x", "shape"], outputs: ["y"])]
    let points = [PatchGeometry(points: .last)]
    let one = try statistics(Array(0..<4), batch: 1, graph: graph, observing: "y", points)
    let four = try statistics(Array(0..<4), batch: 4, graph: graph, observing: "y", points)
    #expect(one.encoded() == four.encoded())
    #expect(four.sampleCount == 4)
    #expect(four.tensors["y"]?.patches[points[0]]?.count == 4 * 32)
  }

  @Test func whatIsTooLargeOrDoesNotFitHasNoLayout() {
    #expect(PatchMoments.Layout(channels: 6, taps: 9, groups: 4) == nil)
    #expect(PatchMoments.Layout(channels: 64, taps: 1024, groups: 1) == nil)
    #expect(PatchMoments.Layout(channels: 0, taps: 1, groups: 1) == nil)
    #expect(PatchMoments.Layout(channels: 25088, taps: 1, groups: 1)?.form == .means)
    #expect(PatchMoments.Layout(channels: 512, taps: 9, groups: 512)?.form == .whole)
  }

  @Test func fixedPointIsTheNearestMultiple() {
    for value in [0, 1, -1, 0x1p-60, 0x1.8p-60, -0x1.8p-60, 0x1p-61, 3.25e5, 0x1.fffffep47, -7e-9]
      as [Float]
    {
      let expected = Int128((Double(value) * 0x1p60).rounded(.toNearestOrEven))
      #expect(FixedPoint.integer(value) == expected)
    }
    #expect(FixedPoint.integer(.nan) == 0)
    #expect(FixedPoint.integer(.infinity) == 1 << 108)
    #expect(FixedPoint.integer(-0x1p90) == -(1 << 108))
  }

  /// Version 1 ends before the moments; layers then do without.
  @Test func statisticsOfVersionOneAreRead() throws {
    let seen = try statistics([0, 1], batch: 2, [])
    let old = Self.versionOne(seen.encoded())
    #expect(try Statistics(decoding: old) == seen)
  }

  /// The bytes of version 1 for statistics of one tensor without moments: one byte less.
  static func versionOne(_ bytes: [UInt8]) -> [UInt8] {
    var old = Array(bytes.dropLast(33))
    old[8] = 1
    return old + SHA256.digest(of: old)
  }
}
