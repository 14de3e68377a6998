import Calibration
import Glibc
import Graph
@testable import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

/// Means and deviations over the 2^n choices of one of two ends for each of n channels.
private func enumerated(
  _ moments: ChannelMoments, _ function: ([Double]) -> Double
) -> (mean: Double, deviation: Double) {
  let count = moments.means.count
  var values: [Double] = []
  for choice in 0..<(1 << count) {
    var x = moments.means
    for channel in 0..<count {
      let deviation = moments.deviations[channel]
      x[channel] += choice >> channel & 1 == 0 ? -deviation : deviation
    }
    values.append(function(x))
  }
  let mean = values.reduce(0, +) / Double(values.count)
  var square = 0.0
  for value in values { square += (value - mean) * (value - mean) }
  return (mean, (square / Double(values.count)).squareRoot())
}

/// x -> Conv -> BatchNormalization -> `operators`, one after the other -> y
private func normalized(_ operators: [Node]) -> Graph {
  var nodes = [
    Node(name: "first", "Conv", inputs: ["x", "w"], outputs: ["c"]),
    Node(
      name: "normal", "BatchNormalization", inputs: ["c", "scale", "shift", "mean", "variance"],
      outputs: ["v0"], attributes: ["epsilon": .float(0)]),
  ]
  for (place, node) in operators.enumerated() {
    var node = node
    node.inputs[0] = "v\(place)"
    node.outputs = [place == operators.count - 1 ? "y" : "v\(place + 1)"]
    nodes.append(node)
  }
  return Graph(
    opsets: ["": 13], inputs: [value("x", [3, 4, 4])],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: [
      "w": weights([2, 3, 1, 1], seed: 1), "scale": Tensor([2, -3] as [Float]),
      "shift": Tensor([0.5, -1] as [Float]), "mean": Tensor([7, 8] as [Float]),
      "variance": Tensor([4, 0.25] as [Float]), "six": Tensor(scalar: Float(6)),
      "zero": Tensor(scalar: Float(0)), "w2": weights([3, 2, 1, 1], seed: 2),
      "b2": weights([3], seed: 3), "w3": weights([3, 2, 2, 2], seed: 4),
      "m": weights([8, 3], seed: 5), "limits": Tensor([1, 2] as [Float], shape: [2, 1, 1]),
      "slopes": Tensor([0.25, 0.5] as [Float], shape: [2, 1, 1]),
    ], nodes: nodes)
}

private func node(
  _ operatorType: String, _ others: [String] = [], _ attributes: [String: Attribute] = [:]
) -> Node {
  Node(operatorType, inputs: [""] + others, outputs: [""], attributes: attributes)
}

private func expected(
  _ graph: Graph, inputs: ClosedRange<Float>? = nil
) throws -> ExpectedStatistics {
  let (prepared, statistics) = try graph.preparedWithStatistics()
  return try ExpectedStatistics(prepared, statistics, inputs: inputs)
}

/// Normalizations of `normalized(_:)`.
private let moments = ChannelMoments(means: [0.5, -1], deviations: [2, 3])

@Suite struct ExpectationTests {
  /// Against the midpoint rule over 12 deviations, with steps of h = 2^-10 and all bounds on the grid. Its
  /// error is at most h^2 / 24 times 24 times the largest second derivative of z^k f(z), which is
  /// below 8 for bounds of at most 3: h^2 * 8 = 2^-17.
  @Test(
    arguments: [
      (-2, 1), (0, 3), (-3, -1), (1, 2), (-Double.infinity, 0.5), (0, Double.infinity),
    ] as [(Double, Double)])
  func momentsOfCutOffNumbers(a: Double, b: Double) {
    let (mean, deviation) = (0.75, 2.0)
    let found = ChannelMoments(means: [mean], deviations: [deviation])
      .clipped(to: mean + deviation * a...mean + deviation * b)
    var (first, second) = (0.0, 0.0)
    let step = 0x1p-10
    for place in -12 * 1024..<12 * 1024 {
      let z = (Double(place) + 0.5) * step
      let weight = step * exp(-z * z / 2) / (2 * Double.pi).squareRoot()
      let cut = min(max(z, a), b)
      first += weight * cut
      second += weight * cut * cut
    }
    #expect(abs(found.means[0] - (mean + deviation * first)) <= deviation * 0x1p-17)
    // With |E z| <= 3, the square of the mean carries 6 times its error.
    let variance = found.deviations[0] * found.deviations[0] / (deviation * deviation)
    #expect(abs(variance - (second - first * first)) <= 7 * 0x1p-17)
  }

  @Test func knownValuesOfRectifiedNumbers() {
    let found = ChannelMoments(means: [0, -40, 40, 3, -3], deviations: [1, 1, 1, 0, 0])
      .clipped(to: 0...Double.infinity)
    // E = 1 / sqrt(2 pi), variance 1/2 - 1 / (2 pi); what lies 40 deviations off is below any number.
    #expect(abs(found.means[0] - 1 / (2 * Double.pi).squareRoot()) < 0x1p-50)
    let variance = 0.5 - 1 / (2 * Double.pi)
    #expect(abs(found.deviations[0] * found.deviations[0] - variance) < 0x1p-50)
    #expect(found.means[1] == 0 && found.means[2] == 40)
    #expect(found.deviations[2] == 1)
    #expect(found.means[3...] == [3, 0] && found.deviations[3...] == [0, 0])
  }

  @Test func normalizationsTellRangesAndMeans() throws {
    let known = try expected(normalized([node("Relu")]))
    #expect(known.normalizationCount == 1)
    #expect(known.values["v0"]?.moments == moments)
    #expect(known.values["v0"]?.range == -19...17)
    #expect(known.values["y"]?.lower == [0, 0])
    #expect(known.values["y"]?.upper == [12.5, 17])
    #expect(known.values["y"]?.moments == moments.clipped(to: 0...Double.infinity))
    #expect(
      known.channelMeans(["y": .second])["y"] == moments.clipped(to: 0...Double.infinity).means)
    let histogram = try #require(try known.histograms(of: ["y"])["y"])
    #expect(histogram.minimum == 0 && histogram.maximum == 17)
  }

  /// With one tap a channel, a layer's moments are exact: those over all choices of two ends for each
  /// channel, which are independent.
  @Test func layersOfIndependentChannels() throws {
    let graph = normalized([node("Conv", ["w2", "b2"])])
    let found = try #require(try expected(graph).values["y"])
    let weights = try #require(graph.initializers["w2"]?.doubles)
    let bias = try #require(graph.initializers["b2"]?.doubles)
    for result in 0..<3 {
      let exact = enumerated(moments) { x in
        bias[result] + weights[2 * result] * x[0] + weights[2 * result + 1] * x[1]
      }
      #expect(abs((found.moments?.means[result] ?? .nan) - exact.mean) < 0x1p-48)
      #expect(abs((found.moments?.deviations[result] ?? .nan) - exact.deviation) < 0x1p-46)
      // An interval holds both channels at their worst at once.
      let reach = 6 * (2 * weights[2 * result].magnitude + 3 * weights[2 * result + 1].magnitude)
      #expect(abs(found.upper[result] - exact.mean - reach) < 0x1p-42)
    }
  }

  /// Elements of one channel move together: exact for weights of one sign and such data.
  @Test func layersOfSeveralTaps() throws {
    var graph = normalized([node("Conv", ["w3"])])
    let positive = try #require(graph.initializers["w3"]).array(of: Float.self).map(\.magnitude)
    graph.initializers["w3"] = Tensor(positive, shape: [3, 2, 2, 2])
    let found = try #require(try expected(graph).values["y"]?.moments)
    for result in 0..<3 {
      let sums = (0..<2).map { channel in
        (0..<4).reduce(0) { $0 + Double(positive[result * 8 + channel * 4 + $1]) }
      }
      let exact = enumerated(moments) { sums[0] * $0[0] + sums[1] * $0[1] }
      #expect(abs(found.means[result] - exact.mean) < 0x1p-46)
      #expect(abs(found.deviations[result] - exact.deviation) < 0x1p-44)
    }
  }

  /// Without moments, intervals are those of the worst choice of ends for every weight.
  @Test func intervalsHoldWhatCanHappen() throws {
    var graph = Graph(
      opsets: ["": 13], inputs: [value("x", [2, 2, 2])],
      outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: ["w": weights([2, 2, 1, 2], seed: 6), "b": weights([2], seed: 7)],
      nodes: [Node("Conv", inputs: ["x", "w", "b"], outputs: ["y"])])
    func ends(_ result: Int, _ choices: [Double]) throws -> [Double] {
      let weights = try #require(graph.initializers["w"]?.doubles)
      let bias = try #require(graph.initializers["b"]?.doubles)
      return (0..<16).reduce(into: []) { all, bits in
        all.append(
          (0..<4).reduce(bias[result]) {
            $0 + weights[result * 4 + $1] * choices[bits >> $1 & 1]
          })
      }
    }
    for pads in [[0, 0, 0, 0], [0, 1, 0, 1]] {
      graph.nodes[0].attributes["pads"] = .ints(pads)
      // Zeros beside the data widen what filters meet from 1...3 to 0...3.
      let low = pads.contains(1) ? 0.0 : 1.0
      let found = try #require(try expected(graph, inputs: 1...3).values["y"])
      #expect(found.moments == nil)
      for result in 0..<2 {
        let all = try ends(result, [low, 3])
        #expect(abs(found.lower[result] - (all.min() ?? 0)) < 0x1p-48)
        #expect(abs(found.upper[result] - (all.max() ?? 0)) < 0x1p-48)
      }
    }
  }

  @Test func operatorsBetween() throws {
    let relu = moments.clipped(to: 0...Double.infinity)
    func y(_ operators: [Node]) throws -> ValueExpectation? {
      try expected(normalized(operators)).values["y"]
    }
    #expect(try y([node("Clip", ["zero", "six"])])?.moments == moments.clipped(to: 0...6))
    #expect(try y([node("Clip", ["zero", "six"])])?.range == 0...6)
    let limited = try #require(try y([node("Clip", ["zero", "six"]), node("Min", ["limits"])]))
    #expect(limited.upper == [1, 2])
    #expect(limited.moments?.means[1] == moments.clipped(to: 0...2).means[1])
    #expect(try y([node("Relu"), node("GlobalAveragePool")])?.moments == relu)
    let pooled = try y([node("Relu"), node("MaxPool", [], ["kernel_shape": .ints([2, 2])])])
    #expect(pooled?.moments == nil && pooled?.upper == [12.5, 17])
    #expect(try y([node("Sigmoid")])?.range.upperBound == 1 / (1 + exp(-17.0)))
    #expect(try y([node("Tanh"), node("Relu")]) == nil)
    // Positive and negative parts: E = p + s n, of which one is 0.
    let leaky = try #require(try y([node("LeakyRelu", [], ["alpha": .float(0.25)])])?.moments)
    let parametric = try #require(try y([node("PRelu", ["slopes"])])?.moments)
    #expect(leaky.means[0] == parametric.means[0])
    let negative = moments.clipped(to: -Double.infinity...0)
    #expect(abs(parametric.means[1] - (relu.means[1] + 0.5 * negative.means[1])) < 0x1p-50)
    // With the slope 1 nothing changes.
    var linear = normalized([node("PRelu", ["slopes"])])
    linear.initializers["slopes"] = Tensor([1, 1] as [Float], shape: [2, 1, 1])
    let same = try #require(try expected(linear).values["y"]?.moments)
    for channel in 0..<2 {
      #expect(abs(same.means[channel] - moments.means[channel]) < 0x1p-48)
      #expect(abs(same.deviations[channel] - moments.deviations[channel]) < 0x1p-46)
    }
    // The matrix meets each channel four times.
    let flat = try #require(
      try y([
        node("Relu"), node("MaxPool", [], ["kernel_shape": .ints([2, 2])]), node("Flatten"),
        node("Gemm", ["m"]),
      ]))
    #expect(flat.lower.count == 3)
  }

  @Test func sumsAndConcatenations() throws {
    var graph = normalized([node("Relu")])
    graph.nodes[2].outputs = ["r"]
    graph.nodes.append(Node("Add", inputs: ["r", "v0"], outputs: ["sum"]))
    graph.nodes.append(Node("Add", inputs: ["v0", "v0"], outputs: ["twice"]))
    graph.nodes.append(Node("Mul", inputs: ["v0", "limits"], outputs: ["scaled"]))
    graph.nodes.append(Node("Sub", inputs: ["v0", "six"], outputs: ["less"]))
    graph.nodes.append(
      Node(
        "Concat", inputs: ["r", "v0"], outputs: ["joined"], attributes: ["axis": .int(1)]))
    graph.outputs = ["sum", "twice", "scaled", "less", "joined"].map {
      ValueInfo(name: $0, elementType: .float32)
    }
    let known = try expected(graph).values
    let relu = moments.clipped(to: 0...Double.infinity)
    let deviation = hypot(relu.deviations[0], 2)
    #expect(known["sum"]?.moments?.means[0] == relu.means[0] + 0.5)
    #expect(known["sum"]?.moments?.deviations[0] == deviation)
    // What the two reach beyond their means adds up as deviations do.
    let mean = relu.means[0] + 0.5
    #expect(known["sum"]?.upper[0] == mean + hypot(12.5 - relu.means[0], 12))
    #expect(known["sum"]?.lower[0] == mean - hypot(relu.means[0], 12))
    #expect(known["twice"]?.range == -38...34)
    #expect(known["twice"]?.moments == ChannelMoments(means: [1, -2], deviations: [4, 6]))
    #expect(known["scaled"]?.moments == ChannelMoments(means: [0.5, -2], deviations: [2, 6]))
    #expect(known["scaled"]?.range == -38...34)
    #expect(known["less"]?.moments == ChannelMoments(means: [-5.5, -7], deviations: [2, 3]))
    #expect(known["joined"]?.moments?.means == relu.means + moments.means)
    #expect(known["joined"]?.upper == [12.5, 17, 12.5, 17])
  }

  /// All values of which nothing is known are named, with the operator.
  @Test func whatIsNotKnownIsNamed() throws {
    let graph = normalized([node("Tanh"), node("Conv", ["w2"])])
    let error = #expect(throws: SettingsError.self) {
      try expected(graph).histograms(of: ["x", "v1", "v0"])
    }
    #expect(error?.description.contains("the input 'x'") == true)
    #expect(error?.description.contains("'v1' (Tanh)") == true)
    #expect(error?.description.contains("'v0'") == false)
    let stated = try expected(graph, inputs: -1...1)
    #expect(try stated.histograms(of: ["x"])["x"]?.minimum == -1)
    #expect(stated.values["y"] == nil)
  }

  /// Statistics that are no numbers tell nothing, in any channel.
  @Test(arguments: ["scale", "shift", "mean", "variance"], [0, 1])
  func whatIsNoNumberIsUnknown(constant: String, channel: Int) throws {
    var graph = normalized([node("Relu")])
    var values = try #require(graph.initializers[constant]).array(of: Float.self)
    values[channel] = .nan
    graph.initializers[constant] = Tensor(values)
    let statistics = try expected(graph, inputs: -1...1)
    #expect(statistics.values["y"] == nil)
    let error = #expect(throws: SettingsError.self) { try statistics.histograms(of: ["y"]) }
    #expect(error?.description.contains("'y'") == true)
  }

  /// Passes that change values' channels keep what is known of them true.
  @Test func statisticsFollowEqualization() throws {
    var graph = normalized([node("Relu"), node("Conv", ["w2"])])
    graph.initializers["w"] = Tensor([1, 1, 1, 100, 100, 100] as [Float], shape: [2, 3, 1, 1])
    var (prepared, statistics) = try graph.preparedWithStatistics()
    let outcome = try prepared.equalizeLayers()
    statistics.follow(outcome)
    let divisors = try #require(outcome.divisors["v0"])
    #expect(divisors[0] != divisors[1])
    #expect(
      statistics.moments["v0"]?.means == zip(moments.means, divisors).map { $0 / Double($1) })
    #expect(
      statistics.moments["v0"]?.deviations
        == zip(moments.deviations, divisors).map { $0 / Double($1) })
  }
}
