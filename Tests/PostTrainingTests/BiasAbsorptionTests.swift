import Calibration
import Execution
import Graph
import Operations
@testable import PostTraining
import Tensors
import TestNetworks
import Testing

/// Small whole numbers: sums of their products are exact floats.
private func integers(_ shape: [Int], seed: Int, _ range: ClosedRange<Int> = -3...3) -> Tensor {
  let numbers = weights(shape, seed: seed).array(of: Float.self)
  return Tensor(
    numbers.map { Float(range.lowerBound + Int(($0 + 0.25) * 2 * Float(range.count))) },
    shape: shape)
}

/// x -> Conv -> `operators`, one after the other -> Conv of 1 x 1 -> y, all of whole numbers. Channels 0
/// and 2 of the first are far above 0.
private func chain(_ operators: [Node], _ second: [String: Attribute] = [:]) -> Graph {
  return Graph(
    opsets: ["": 13], inputs: [value("x", [3, 6, 6])],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: [
      "first.w": integers([4, 3, 2, 2], seed: 1), "first.b": Tensor([200, 3, 150, -5] as [Float]),
      "second.w": integers([5, 4, 1, 1], seed: 2), "zero": Tensor(scalar: Float(0)),
      "cap": Tensor(scalar: Float(210)),
      "slope": Tensor([0.5, 0.25, 0.5, 0.25] as [Float], shape: [4, 1, 1]),
    ], nodes: convolutions(around: operators, second: second))
}

private func node(
  _ operatorType: String, _ others: [String] = [], _ attributes: [String: Attribute] = [:]
) -> Node {
  Node(operatorType, inputs: [""] + others, outputs: [""], attributes: attributes)
}

private let chains: [(String, [Node])] = [
  ("nothing", []), ("Relu", [node("Relu")]),
  ("LeakyRelu", [node("LeakyRelu", [], ["alpha": .float(0.25)])]),
  ("PRelu", [node("PRelu", ["slope"])]), ("Clip", [node("Clip", ["zero", "cap"])]),
  (
    "pools",
    [
      node("Relu"), node("MaxPool", [], ["kernel_shape": .ints([2, 2])]),
      node("AveragePool", [], ["kernel_shape": .ints([2, 2])]),
    ]
  ),
]

private func sample(_ number: Int) -> CalibrationSample {
  CalibrationSample(
    inputs: ["x": integers([1, 3, 6, 6], seed: number + 40)], name: "sample \(number)")
}

private let replay = CalibrationReplay(count: 20, sample: sample)

private func outputs(_ graph: Graph) throws -> [[Float]] {
  let executor = try Executor(graph, on: ReferenceBackend.shared)
  return try (0..<20).map { try executor.run(sample($0).inputs)["y"]!.array(of: Float.self) }
}

private func lowest(_ graph: Graph) throws -> [String: [Double]] {
  try graph.lowestElements(of: ["v0"], replay, on: ReferenceBackend.shared)
}

@Suite struct BiasAbsorptionTests {
  /// By the lowest elements of the data the same bits for these data, where sums are exact; the values
  /// between are lower by as much.
  @Test(arguments: chains.indices)
  func outputsStayAsTheyAre(index: Int) throws {
    let graph = chain(chains[index].1)
    let lowest = try lowest(graph)
    var absorbed = graph
    let outcome = try absorbed.absorbBiases(lowest: lowest)
    let amounts = try #require(outcome.amounts["v0"])
    #expect(amounts[0] > 100 && amounts[1] == 0 && amounts[2] > 80 && amounts[3] == 0)
    #expect(outcome.pairs.first?.channels == 2)
    #expect(outcome.notes[0].hasPrefix("absorb: 2 channels between 1 pairs of layers"))
    #expect(try outputs(graph) == outputs(absorbed))
    let after = try self.lowestOf(absorbed)
    let before = try #require(lowest["v0"])
    #expect(after == zip(before, amounts).map { $0 - $1 })
  }

  private func lowestOf(_ graph: Graph) throws -> [Double]? { try lowest(graph)["v0"] }

  /// A Clip cuts every channel off at its own bound then: without, it would be another network.
  @Test func clipsAreBoundForEveryChannel() throws {
    let graph = chain([node("Clip", ["zero", "cap"])])
    var absorbed = graph
    let amounts = try absorbed.absorbBiases(lowest: lowest(graph)).amounts["v0"] ?? []
    let limits = try #require(absorbed.nodes.first { $0.operatorType == "Min" })
    let caps = try #require(absorbed.initializers[limits.inputs[1]])
    #expect(caps.array(of: Float.self) == amounts.map { 210 - Float($0) })
    absorbed.initializers[limits.inputs[1]] = Tensor(
      [Float](repeating: 1e6, count: 4), shape: caps.shape)
    #expect(try outputs(graph) != outputs(absorbed))
  }

  /// Behind equalization, whose Min gets the bounds of both.
  @Test func behindEqualization() throws {
    let graph = chain([node("Clip", ["zero", "cap"])])
    var changed = graph
    let weights = try #require(changed.initializers["first.w"]).array(of: Float.self)
    changed.initializers["first.w"] = Tensor(
      weights.enumerated().map { $0 / 12 == 1 ? 16 * $1 : $1 }, shape: [4, 3, 2, 2])
    let expected = try outputs(changed)
    let equalized = try changed.equalizeLayers()
    #expect(equalized.divisors["v0"].map { Set($0).count > 1 } == true)
    let outcome = try changed.absorbBiases(lowest: lowest(changed))
    #expect(outcome.pairs.count == 1)
    #expect(changed.census["Min"] == 1)
    #expect(try outputs(changed) == expected)
  }

  /// An element x below c is taken for one that is at most (1 - a) min(c, c - x) larger.
  @Test(arguments: [(0.0, "Relu"), (0.25, "LeakyRelu")])
  func elementsBelowChangeOutputsWithinTheBound(slope: Double, name: String) throws {
    let attributes: [String: Attribute] = slope > 0 ? ["alpha": .float(Float(slope))] : [:]
    let graph = chain([node(name, [], attributes)])
    // Higher than what many elements of channels 0 and 1 are.
    let amounts = [205.0, 8, 0, 0]
    var absorbed = graph
    _ = try absorbed.absorbBiases(lowest: ["v0": amounts])
    let weights = try #require(graph.initializers["second.w"]).array(of: Float.self)
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    let other = try Executor(absorbed, on: ReferenceBackend.shared)
    var changes = 0
    for number in 0..<20 {
      var between: [Float] = []
      let inputs = sample(number).inputs
      let before = try executor.run(inputs, observing: ["v0"]) { _, value in
        between = ReferenceBackend.shared.download(value).array(of: Float.self)
      }["y"]!.array(of: Float.self)
      let after = try other.run(inputs)["y"]!.array(of: Float.self)
      for place in before.indices {
        let (output, pixel) = (place / 25, place % 25)
        // All numbers are whole multiples of 1/4 below 2^20: no rounding anywhere.
        var (low, high) = (Float(0), Float(0))
        for channel in 0..<4 {
          let (x, c) = (between[channel * 25 + pixel], Float(amounts[channel]))
          let most = max(0, Float(1 - slope) * min(c, c - x)) * weights[output * 4 + channel]
          low += min(most, 0)
          high += max(most, 0)
        }
        let change = after[place] - before[place]
        #expect(low <= change && change <= high)
        changes += change == 0 ? 0 : 1
      }
    }
    #expect(changes > 0)
  }

  @Test func aLayerWithoutABiasGetsOne() throws {
    var graph = chain([node("Relu")])
    graph.nodes[0].inputs.removeLast()
    var absorbed = graph
    // No element is below -8 where there is no bias: only the rule of elements below counts.
    _ = try absorbed.absorbBiases(lowest: ["v0": [0, 0, 2, 0]])
    let first = try #require(absorbed.node("first"))
    #expect(absorbed.initializers[first.inputs[2]]?.array(of: Float.self) == [0, 0, -2, 0])
    let second = try #require(absorbed.node("second"))
    let weights = try #require(graph.initializers["second.w"]).array(of: Float.self)
    #expect(
      absorbed.initializers[second.inputs[2]]?.array(of: Float.self)
        == (0..<5).map { 2 * weights[$0 * 4 + 2] })
  }

  @Test func whatCannotBeLoweredIsNamed() throws {
    func reason(_ graph: Graph, _ lowest: [String: [Double]] = ["v0": [9, 9, 9, 9]]) throws
      -> String?
    {
      var absorbed = graph
      let outcome = try absorbed.absorbBiases(lowest: lowest)
      #expect(outcome.pairs.isEmpty && absorbed.nodes == graph.nodes)
      return outcome.skipped.first { $0.layer == "first" }?.reason
    }
    let padded = chain([node("Relu")], ["pads": .ints([1, 1, 1, 1])])
    #expect(try reason(padded) == "zeros lie beside the data of the layer behind them")
    #expect(try padded.absorbableValues().isEmpty)
    #expect(try chain([node("Relu")]).absorbableValues() == ["v0"])
    let pool = chain([
      node(
        "AveragePool", [],
        [
          "kernel_shape": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]), "count_include_pad": .int(1),
        ])
    ])
    #expect(try reason(pool)?.hasSuffix("counts zeros beside its data") == true)
    #expect(
      try reason(chain([node("Relu")]), [:]) == "nothing tells how low their channels reach")
    #expect(try reason(chain([node("Sigmoid")])) == "Sigmoid lies behind them")
    var residual = residualNetwork()
    let outcome = try residual.absorbBiases(lowest: ["a": [9, 9, 9, 9], "c": [9, 9, 9, 9]])
    #expect(outcome.pairs.isEmpty && residual == residualNetwork())
  }

  /// Exact, whatever runs together.
  @Test func lowestElementsAreThoseOfAllSamples() throws {
    let graph = chain([node("Relu")])
    var single = graph
    single.inputs[0].shape?[0] = .fixed(1)
    let executor = try Executor(graph, on: ReferenceBackend.shared)
    var expected = [Double](repeating: .infinity, count: 4)
    for number in 0..<20 {
      _ = try executor.run(sample(number).inputs, observing: ["v0"]) { _, value in
        let values = ReferenceBackend.shared.download(value).array(of: Float.self)
        for (place, value) in values.enumerated() {
          expected[place / 25] = min(expected[place / 25], Double(value))
        }
      }
    }
    #expect(try lowest(graph)["v0"] == expected)
    #expect(try lowest(single)["v0"] == expected)
  }

  @Test func normalizationsTellThreeDeviations() {
    var statistics = NormalizationStatistics()
    statistics.moments["v"] = ChannelMoments(means: [10, 1], deviations: [2, 3])
    #expect(statistics.lowest == ["v": [4, -8]])
    var outcome = BiasAbsorption()
    outcome.amounts["v"] = [4, 0]
    statistics.follow(outcome)
    #expect(statistics.moments["v"] == ChannelMoments(means: [6, 1], deviations: [2, 3]))
  }
}
