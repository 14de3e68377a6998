import Calibration
import Graph
import Operations
@testable import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

/// A Gram matrix of `rows` made-up patches whose numbers follow their neighbours.
private func gram(_ count: Int, rows: Int, seed: Int) -> [Double] {
  let noise = weights([rows, count], seed: seed).array(of: Float.self).map(Double.init)
  var gram = [Double](repeating: 0, count: count * count)
  for row in 0..<rows {
    let patch = (0..<count).map { noise[row * count] + 0.4 * noise[row * count + $0] }
    for a in 0..<count { for b in 0..<count { gram[a * count + b] += patch[a] * patch[b] } }
  }
  return gram
}

private func error(_ codes: [Int], _ weights: [Double], _ scale: Double, _ gram: [Double]) -> Double
{
  let errors = zip(codes, weights).map { scale * Double($0) - $1 }
  var sum = 0.0
  for a in errors.indices {
    for b in errors.indices { sum += errors[a] * gram[a * errors.count + b] * errors[b] }
  }
  return sum
}

private func changes(_ settings: inout QuantizationSettings, _ passes: Set<Improvement>) {
  settings.weights.range = nil
  settings.improvements = passes
  settings.target = .qdq
}

@Suite struct SecondOrderTests {
  private static let quantizer = Quantizer(scale: 0.11, zeroPoint: 2, levels: 4)

  /// Against all 4^6 choices of codes: never better than the best of them, never worse than the nearest,
  /// no single code that could be better, and over some filters much closer to the best.
  @Test func filtersAreRoundedNearlyAsWellAsCanBe() {
    let count = 6
    let scale = Double(Self.quantizer.scale)
    var sums = (found: 0.0, nearest: 0.0, best: 0.0)
    for seed in 1...12 {
      let gram = gram(count, rows: 20, seed: seed)
      let filter = weights([count], seed: seed + 50).array(of: Float.self).map { Double($0) * 0.7 }
      let rounding = SecondOrderRounding([.init(elements: 0..<count, gram: gram)])
      let codes = rounding.codes(of: filter, Self.quantizer).map { Int($0) }
      let found = error(codes, filter, scale, gram)
      let nearest = error(
        filter.map { Self.quantizer.code(of: Float($0)) - 2 }, filter, scale, gram)
      var best = Double.infinity
      for choice in 0..<(1 << (2 * count)) {
        let all = (0..<count).map { (choice >> (2 * $0)) % 4 - 2 }
        best = min(best, error(all, filter, scale, gram))
      }
      // Sums of 36 products of doubles.
      #expect(found <= nearest * (1 + 1e-12) && found >= best * (1 - 1e-12))
      for place in codes.indices {
        for code in -2...1 {
          var other = codes
          other[place] = code
          #expect(error(other, filter, scale, gram) >= found * (1 - 1e-5))
        }
      }
      sums = (sums.found + found, sums.nearest + nearest, sums.best + best)
    }
    #expect(sums.found - sums.best < (sums.nearest - sums.best) / 4)
  }

  /// With the moments of channels' means, as large filters have them, and of whole patches.
  @Test(arguments: [(4, 9, 1), (100, 9, 1), (6, 9, 3), (900, 1, 1)])
  func denseMomentsAreThoseOfTheErrorOfOutputs(
    channels: Int, taps: Int, groups: Int
  ) throws {
    let side = taps == 9 ? 3 : 1
    let geometry = PatchGeometry(
      kernel: [side, side], strides: [1, 1], dilations: [1, 1],
      border: .zeros(before: [0, 0], after: [0, 0]), groups: groups)
    let graph = Graph(
      opsets: ["": 13], inputs: [value("x", [channels, 4, 4])],
      outputs: [value("y", [channels, 4, 4])],
      nodes: [Node("Relu", inputs: ["x"], outputs: ["y"])])
    var calibrator = try Calibrator(
      graph, observing: ["x"], patches: ["x": [geometry]], on: ReferenceBackend.shared)
    let values = weights([1, channels, 4, 4], seed: 3).array(of: Float.self).map { $0 + 0.1 }
    try calibrator.add([
      CalibrationSample(inputs: ["x": Tensor(values, shape: [1, channels, 4, 4])], name: "one")
    ])
    let seen = try calibrator.observations(of: .init(data: "one", sampleCount: 1))
    let moments = try #require(seen.patchMoments["x"]?[geometry])
    let error = OutputError(moments, isCentered: false)
    let dense = FilterMoments(moments, isCentered: false)
    let count = channels / groups * taps
    #expect(dense.groups.count == groups)
    for (group, blocks) in dense.groups.enumerated() {
      #expect(blocks.first?.elements.lowerBound == 0 && blocks.last?.elements.upperBound == count)
      for block in blocks {
        #expect(block.elements.count <= FilterMoments.blockLimit)
        var errors = [OutputError.Lanes](repeating: .zero, count: count)
        var list = [Double](repeating: 0, count: block.elements.count)
        for place in block.elements {
          list[place - block.elements.lowerBound] = Double(place * 7 % 11 - 5)
          errors[place] = .init(repeating: Double(place * 7 % 11 - 5))
        }
        let expected = errors.withUnsafeBufferPointer { error($0, group: group) }[0]
        var found = 0.0
        var magnitude = 0.0
        for a in list.indices {
          for b in list.indices {
            let term = list[a] * list[b] * block.gram[a * list.count + b]
            found += term
            magnitude += term.magnitude
          }
        }
        // Both are sums of so many terms in doubles.
        #expect(abs(found - expected) <= magnitude * Double(count) * 0x1p-50)
        #expect(expected > 0)
      }
    }
  }

  /// The layer's outputs, measured on the data, are nowhere worse than with the nearest codes of the same
  /// scales, and better in sum.
  @Test(arguments: [0, 1, 2, 4])
  func outputsAreBetterThanThoseOfNearestCodes(index: Int) throws {
    let graph = patchNetworks[index].1
    let some = settings(weights: 8) { changes(&$0, [.gptq]) }
    let observations = try observed(graph, some)
    let layer = graph.nodes.count - 1
    let model = try QuantizedModel(
      graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
      settings: some, on: ReferenceBackend.shared)
    let plain = try QuantizedModel(
      graph, histograms: observations.histograms,
      settings: settings(weights: 8) { changes(&$0, []) }, on: ReferenceBackend.shared)
    let (found, nearest) = (try #require(model.weights[layer]), try #require(plain.weights[layer]))
    #expect(found.quantizers == nearest.quantizers)
    let (new, old) = (try errors(graph, found), try errors(graph, nearest))
    // Both are sums of squares of float differences, to 24 bits of the outputs.
    for channel in new.indices { #expect(new[channel] <= old[channel] * (1 + 0x1p-10)) }
    #expect(new.reduce(0, +) < old.reduce(0, +))
  }

  @Test func aLayerWithOneScaleGetsTheOneOfLeastError() throws {
    let graph = patchNetworks[0].1
    let some = settings(weights: 256) {
      changes(&$0, [.gptq])
      $0.granularity = .tensor
    }
    let observations = try observed(graph, some)
    func model(_ change: (inout QuantizationSettings) -> Void) throws -> [Double] {
      var settings = some
      change(&settings)
      let weights = try QuantizedModel(
        graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
        settings: settings, on: ReferenceBackend.shared
      ).weights[0]
      #expect(weights?.quantizers.count == 1 && weights?.axis == nil)
      return try errors(graph, #require(weights))
    }
    let found = try model { _ in }.reduce(0, +)
    #expect(try found <= model { $0.weights.range = .minmax }.reduce(0, +) * (1 + 0x1p-10))
    #expect(try found < model { $0.improvements = [] }.reduce(0, +))
  }

  /// Scales of groups are powers of two where these are asked for.
  @Test(arguments: [ScaleRule.powerOfTwo, .symmetric])
  func groupsKeepTheScheme(_ scales: ScaleRule) throws {
    let graph = patchNetworks[0].1
    let some = settings(weights: 16) {
      changes(&$0, [.gptq])
      $0.granularity = .group(4)
      $0.scales = scales
    }
    let observations = try observed(graph, some)
    let weights = try #require(
      try QuantizedModel(
        graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
        settings: some, on: ReferenceBackend.shared
      ).weights[0])
    #expect(weights.groupSize == 4 && weights.isChosenByOutputs)
    #expect(
      weights.scales.allSatisfy { $0.significand == 1 } == (scales == .powerOfTwo))
  }

  @Test func whatPassesCannotDoTogetherIsRefused() throws {
    var some = QuantizationSettings(scales: .powerOfTwo, improvements: [.gptq])
    some.accumulator = AccumulatorSettings(bits: 16)
    #expect(throws: SettingsError.self) { try some.validate() }
    some.accumulator = nil
    try some.validate()
    some.requantization = .round
    some.improvements = [.sequential]
    #expect(throws: SettingsError.self) { try some.validate() }
  }
}
