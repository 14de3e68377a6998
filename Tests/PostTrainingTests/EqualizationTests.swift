import Execution
import Graph
import Operations
@testable import PostTraining
import Tensors
import TestNetworks
import Testing

/// Weights whose output channels have ranges that differ by up to 4^(channels - 1).
private func uneven(_ shape: [Int], seed: Int) -> Tensor {
  let inner = shape.dropFirst().reduce(1, *)
  let values = weights(shape, seed: seed).array(of: Float.self).enumerated().map {
    var value = $1
    for _ in 0..<$0 / inner { value *= 4 }
    return value
  }
  return Tensor(values, shape: shape)
}

/// x -> Conv -> `operators`, one after the other -> Conv (depthwise or not) -> y
private func chain(_ operators: [Node], groups: Int = 1) -> Graph {
  return Graph(
    opsets: ["": 13], inputs: [value("x", [3, 7, 7])],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: [
      "first.w": uneven([4, 3, 2, 2], seed: 1), "first.b": weights([4], seed: 2),
      "second.w": weights([4, 4 / groups, 1, 1], seed: 3), "zero": Tensor(scalar: Float(0)),
      "six": Tensor(scalar: Float(6)), "slope": weights([4, 1, 1], seed: 4),
    ], nodes: convolutions(around: operators, second: ["group": .int(groups)]))
}

private func node(
  _ operatorType: String, _ others: [String] = [], _ attributes: [String: Attribute] = [:]
) -> Node {
  Node(operatorType, inputs: [""] + others, outputs: [""], attributes: attributes)
}

private let chains: [(String, Graph)] = [
  ("nothing", chain([])),
  ("Relu", chain([node("Relu")])),
  ("LeakyRelu", chain([node("LeakyRelu", [], ["alpha": .float(0.25)])])),
  ("PRelu", chain([node("PRelu", ["slope"])])),
  ("Clip", chain([node("Clip", ["zero", "six"])])),
  ("Clip to a depthwise convolution", chain([node("Clip", ["zero", "six"])], groups: 4)),
  (
    "pools",
    chain([
      node("Relu"), node("MaxPool", [], ["kernel_shape": .ints([2, 2])]),
      node("AveragePool", [], ["kernel_shape": .ints([2, 2])]),
    ])
  ),
]

private func run(_ graph: Graph) throws -> [Float] {
  let input = weights([2, 3, 7, 7], seed: 20).array(of: Float.self).map { $0 * 60 + 1 }
  return try Executor(graph, on: ReferenceBackend.shared).run([
    "x": Tensor(input, shape: [2, 3, 7, 7])
  ])["y"]!.array(of: Float.self)
}

/// The largest over the smallest magnitude of the rows of a layer's weights.
private func spread(_ graph: Graph, _ name: String, byData: Bool = false) throws -> Double {
  let node = try #require(graph.node(name))
  let weights = try #require(graph.initializers[node.inputs[1]])
  let channels = try #require(
    byData
      ? WeightChannels(dataOf: node, weights) : WeightChannels(resultsOf: node, weights))
  let magnitudes = channels.magnitudes(weights.array(of: Float.self).map(Double.init))
  return magnitudes.max()! / magnitudes.min()!
}

@Suite struct EqualizationTests {
  /// Factors are powers of two: what is computed is the same to the last bit, on data that reach the
  /// bounds of the Clip in every channel.
  @Test(arguments: chains.indices)
  func outputsStayAsTheyAre(index: Int) throws {
    let graph = chains[index].1
    var equalized = graph
    let outcome = try equalized.equalizeLayers()
    #expect(outcome.pairs.count == 1)
    #expect(equalized.initializers["first.w"] == nil && equalized != graph)
    #expect(try run(graph) == run(equalized))
    #expect(try spread(equalized, "first") < spread(graph, "first") / 4)
  }

  @Test func aClipIsBoundForEveryChannel() throws {
    var graph = chains[4].1
    let before = try run(graph)
    _ = try graph.equalizeLayers()
    #expect(graph.census["Min"] == 1)
    // Without the Min it would be another network.
    let limits = try #require(graph.nodes.first { $0.operatorType == "Min" })
    let tensor = try #require(graph.initializers[limits.inputs[1]])
    graph.initializers[limits.inputs[1]] = Tensor(
      [Float](repeating: 1e6, count: tensor.count), shape: tensor.shape)
    #expect(try run(graph) != before)
  }

  /// Three layers in a row: both sides of the middle one, and the same outputs.
  @Test func chainsAreBalancedInTurns() throws {
    var graph = chain([node("Relu")])
    graph.nodes[graph.nodes.count - 1].outputs = ["z"]
    graph.nodes.append(Node("Relu", inputs: ["z"], outputs: ["z2"]))
    graph.nodes.append(Node(name: "third", "Conv", inputs: ["z2", "third.w"], outputs: ["y"]))
    graph.initializers["second.w"] = uneven([4, 4, 1, 1], seed: 8)
    graph.initializers["third.w"] = weights([2, 4, 1, 1], seed: 9)
    var equalized = graph
    let equalizedOutcome = try equalized.equalizeLayers()
    #expect(equalizedOutcome.pairs.map(\.first) == ["first", "second"])
    #expect(try run(graph) == run(equalized))
    #expect(try spread(equalized, "first") < spread(graph, "first") / 4)
    #expect(try spread(equalized, "second") < spread(graph, "second") / 4)
  }

  /// With factors below the limit, the ranges of both sides agree up to rounding to powers of two.
  @Test func bothSidesHaveTheSameRanges() throws {
    var graph = chains[1].1
    let factors: [Float] = [1, 2, 4, 8]
    let even = weights([4, 3, 2, 2], seed: 1).array(of: Float.self)
    graph.initializers["first.w"] = Tensor(
      even.enumerated().map { $1 * factors[$0 / 12] }, shape: [4, 3, 2, 2])
    _ = try graph.equalizeLayers()
    func magnitudes(_ name: String, byData: Bool) throws -> [Double] {
      let node = try #require(graph.node(name))
      let weights = try #require(graph.initializers[node.inputs[1]])
      let channels =
        byData ? WeightChannels(dataOf: node, weights) : WeightChannels(resultsOf: node, weights)
      return try #require(channels).magnitudes(weights.array(of: Float.self).map(Double.init))
    }
    let ratios = zip(
      try magnitudes("first", byData: false), try magnitudes("second", byData: true)
    ).map { $0 / $1 }
    // Each factor s is within sqrt(2) of the best, which changes a ratio by s^2.
    #expect(ratios.max()! / ratios.min()! <= 4)
  }

  @Test func whatCannotBeScaledIsNamed() throws {
    var residual = residualNetwork()
    let outcome = try residual.equalizeLayers()
    #expect(outcome.pairs.isEmpty && residual == residualNetwork())
    let reasons = Dictionary(uniqueKeysWithValues: outcome.skipped.map { ($0.layer, $0.reason) })
    #expect(reasons["stem"] == "their results are read in several places")
    #expect(reasons["body"] == "Add lies behind them")
    #expect(reasons["head"] == "an output of the model lies behind them")
    var sigmoid = chain([node("Sigmoid")])
    let sigmoidOutcome = try sigmoid.equalizeLayers()
    #expect(sigmoidOutcome.skipped.first?.reason == "Sigmoid lies behind them")
    var lower = chain([node("Clip", ["slope1", "six"])])
    lower.initializers["slope1"] = Tensor(scalar: Float(-1))
    let lowerOutcome = try lower.equalizeLayers()
    #expect(lowerOutcome.skipped.first?.reason == "Clip lies behind them")
  }

  @Test(arguments: ["first.w", "first.b", "second.w"])
  func constantsThatAreNotFiniteAreNamed(name: String) throws {
    var graph = chain([node("Relu")])
    let tensor = try #require(graph.initializers[name])
    var values = tensor.array(of: Float.self)
    values[1] = .infinity
    graph.initializers[name] = Tensor(values, shape: tensor.shape)
    let error = #expect(throws: GraphError.self) { try graph.equalizeLayers() }
    #expect(
      error?.description.contains("'\(name)' holds 0 NaN and 1 infinite elements") == true)
  }

  @Test func biasesAndDomainsAreChecked() throws {
    var column = chain([node("Relu")])
    column.initializers["first.b"] = weights([4, 1], seed: 2)
    let reason = "their bias is not one constant a channel"
    let columnOutcome = try column.equalizeLayers()
    #expect(columnOutcome.skipped.map(\.reason).contains(reason))
    var doubles = chain([node("Relu")])
    doubles.initializers["first.b"] = Tensor([1, 2, 3, 4] as [Double], shape: [4])
    let doublesOutcome = try doubles.equalizeLayers()
    #expect(doublesOutcome.skipped.map(\.reason).contains(reason))
    var foreign = chain([node("Relu")])
    foreign.nodes[0].domain = "com.example"
    let foreignOutcome = try foreign.equalizeLayers()
    #expect(foreignOutcome.pairs.isEmpty)
  }

  /// What Clip of operator set 6 has for no bound is none, and the value before the Min takes no name that
  /// another has.
  @Test func boundsOfClips() throws {
    var open = chain([node("Clip", ["zero", "six"])])
    open.initializers["six"] = Tensor(scalar: Float.greatestFiniteMagnitude)
    let openOutcome = try open.equalizeLayers()
    #expect(openOutcome.pairs.count == 1)
    #expect(open.census["Min"] == nil)
    var taken = chain([node("Clip", ["zero", "six"]), node("Relu")])
    taken.nodes[2].outputs = ["v1_cut"]
    taken.nodes[3].inputs[0] = "v1_cut"
    let before = try run(taken)
    let takenOutcome = try taken.equalizeLayers()
    #expect(takenOutcome.pairs.count == 1)
    #expect(taken.census["Min"] == 1)
    #expect(try run(taken) == before)
  }

  /// A Min of the model's own: with a bound for every channel it joins the Clip's, any other stands in the way.
  @Test func aMinOfTheModelsOwn() throws {
    func network(_ limits: [Float], _ shape: [Int]) -> Graph {
      var graph = chain([node("Clip", ["zero", "six"]), node("Min", ["limits"])])
      graph.initializers["limits"] = Tensor(limits, shape: shape)
      return graph
    }
    let own = network([8, 2, 8, 0.5], [4, 1, 1])
    var equalized = own
    let outcome = try equalized.equalizeLayers()
    #expect(outcome.pairs.count == 1)
    #expect(try run(equalized) == run(own))
    for (limits, shape) in [([Float(4)], [1]), ([1, 2, 3, 4, 5, 6], [6])] {
      var other = network(limits, shape)
      let outcome = try other.equalizeLayers()
      #expect(outcome.pairs.isEmpty)
      #expect(outcome.skipped.first?.reason == "Min lies behind them")
    }
  }

  /// Layers of other kinds, a channel that is always 0, and no bias: the same bits, and even ranges.
  @Test(arguments: otherLayers.indices)
  func otherLayersKeepOutputs(index: Int) throws {
    let (_, graph, shape) = otherLayers[index]
    var equalized = graph
    let equalizedOutcome = try equalized.equalizeLayers()
    #expect(equalizedOutcome.pairs.count == 1)
    #expect(equalized.initializers["first.w"] == nil && equalized != graph)
    func run(_ graph: Graph) throws -> [Float] {
      let input = weights(shape, seed: 21)
      return try Executor(graph, on: ReferenceBackend.shared).run(["x": input])["y"]!
        .array(of: Float.self)
    }
    #expect(try run(graph) == run(equalized))
  }
}

/// x -> first -> Relu -> second -> y
private func layers(
  _ first: Node, _ firstWeights: Tensor, _ second: Node, _ secondWeights: Tensor, _ shape: [Int]
) -> Graph {
  var (first, second) = (first, second)
  (first.name, first.inputs, first.outputs) = ("first", ["x", "first.w"], ["a"])
  (second.name, second.inputs, second.outputs) = ("second", ["b", "second.w"], ["y"])
  return Graph(
    opsets: ["": 13], inputs: [value("x", Array(shape.dropFirst()))],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: ["first.w": firstWeights, "second.w": secondWeights],
    nodes: [first, Node("Relu", inputs: ["a"], outputs: ["b"]), second])
}

private func columns(_ shape: [Int], seed: Int) -> Tensor {
  let values = weights(shape, seed: seed).array(of: Float.self).enumerated().map {
    $1 * Float(1 << (2 * ($0 % shape[1])))
  }
  return Tensor(values, shape: shape)
}

private let otherLayers: [(String, Graph, [Int])] = [
  (
    "Gemm",
    layers(
      node("Gemm"), columns([4, 4], seed: 31), node("Gemm"), weights([4, 4], seed: 32), [2, 4]),
    [2, 4]
  ),
  (
    "Gemm, transposed",
    layers(
      node("Gemm", [], ["transB": .int(1)]), uneven([4, 4], seed: 33),
      node("Gemm", [], ["transB": .int(1)]), weights([4, 4], seed: 34), [2, 4]),
    [2, 4]
  ),
  (
    "ConvTranspose in groups before a Conv in groups",
    layers(
      node("ConvTranspose", [], ["group": .int(2)]), uneven([4, 2, 2, 2], seed: 35),
      node("Conv", [], ["group": .int(2)]), uneven([6, 2, 1, 1], seed: 36), [2, 4, 5, 5]),
    [2, 4, 5, 5]
  ),
  (
    "Conv with a dead channel",
    layers(
      node("Conv"),
      Tensor(
        uneven([4, 3, 2, 2], seed: 37).array(of: Float.self).enumerated().map {
          $0 / 12 == 1 ? 0 : $1
        }, shape: [4, 3, 2, 2]), node("Conv"), weights([4, 4, 1, 1], seed: 38), [2, 3, 7, 7]),
    [2, 3, 7, 7]
  ),
]
