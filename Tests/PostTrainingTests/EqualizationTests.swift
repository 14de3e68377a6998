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
  var nodes = [
    Node(name: "first", "Conv", inputs: ["x", "first.w", "first.b"], outputs: ["v0"])
  ]
  for (place, node) in operators.enumerated() {
    var node = node
    node.inputs[0] = "v\(place)"
    node.outputs = ["v\(place + 1)"]
    nodes.append(node)
  }
  nodes.append(
    Node(
      name: "second", "Conv", inputs: ["v\(operators.count)", "second.w"], outputs: ["y"],
      attributes: ["group": .int(groups)]))
  return Graph(
    opsets: ["": 13], inputs: [value("x", [3, 7, 7])],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: [
      "first.w": uneven([4, 3, 2, 2], seed: 1), "first.b": weights([4], seed: 2),
      "second.w": weights([4, 4 / groups, 1, 1], seed: 3), "zero": Tensor(scalar: Float(0)),
      "six": Tensor(scalar: Float(6)), "slope": weights([4, 1, 1], seed: 4),
    ], nodes: nodes)
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
    let outcome = equalized.equalizeLayers()
    #expect(outcome.pairs.count == 1)
    #expect(equalized.initializers["first.w"] == nil && equalized != graph)
    #expect(try run(graph) == run(equalized))
    #expect(try spread(equalized, "first") < spread(graph, "first") / 4)
  }

  @Test func aClipIsBoundForEveryChannel() throws {
    var graph = chains[4].1
    let before = try run(graph)
    _ = graph.equalizeLayers()
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
    #expect(equalized.equalizeLayers().pairs.map(\.first) == ["first", "second"])
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
    _ = graph.equalizeLayers()
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
    let outcome = residual.equalizeLayers()
    #expect(outcome.pairs.isEmpty && residual == residualNetwork())
    let reasons = Dictionary(uniqueKeysWithValues: outcome.skipped.map { ($0.layer, $0.reason) })
    #expect(reasons["stem"] == "their results are read in several places")
    #expect(reasons["body"] == "Add lies behind them")
    #expect(reasons["head"] == "an output of the model lies behind them")
    var sigmoid = chain([node("Sigmoid")])
    #expect(sigmoid.equalizeLayers().skipped.first?.reason == "Sigmoid lies behind them")
    var lower = chain([node("Clip", ["slope1", "six"])])
    lower.initializers["slope1"] = Tensor(scalar: Float(-1))
    #expect(lower.equalizeLayers().skipped.first?.reason == "Clip lies behind them")
  }
}
