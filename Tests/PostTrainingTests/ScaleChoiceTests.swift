import Calibration
import Execution
import Graph
import Operations
@testable import PostTraining
import Quantization
import Tensors
import Testing

/// Images `[1, 3, 5, 6]` whose pixels are like their neighbours and whose channels follow each other; so
/// small that all patches are looked at.
private func image(_ number: Int) -> CalibrationSample {
  let noise = weights([3, 5, 6], seed: number &* 31 &+ 5).array(of: Float.self)
  let slope = Float(number % 7) - 3
  let values = (0..<90).map { place in
    let (channel, y, x) = (place / 30, place / 6 % 5, place % 6)
    return 1 + slope * Float(x - y) / 8 * Float(channel + 1) + noise[place] * 0.4
  }
  return CalibrationSample(
    inputs: ["x": Tensor(values, shape: [1, 3, 5, 6])], name: "image \(number)")
}

private func observed(_ graph: Graph, _ settings: QuantizationSettings) throws -> Observations {
  let plan = try QuantizationPlan(graph, settings: settings)
  let patches = plan.patches(for: settings)
  var calibrator = try Calibrator(
    graph, observing: plan.observedValues.union(patches.keys), channelAxes: plan.channelAxes,
    patches: patches, on: ReferenceBackend.shared)
  try calibrator.add((0..<24).map(image))
  return try calibrator.observations(of: .init(data: "images", sampleCount: 24))
}

/// A layer on `x`, `[N, 3, 5, 6]`, or on `x` as a matrix.
private func network(_ node: Node, _ shape: [Int], isMatrix: Bool = false) -> Graph {
  var graph = Graph(
    opsets: ["": 13], inputs: [value("x", [3, 5, 6])],
    outputs: [ValueInfo(name: "y", elementType: .float32)],
    initializers: ["w": weights(shape, seed: 9), "shape": Tensor([Int64(0), 15, 6])],
    nodes: [node])
  if isMatrix {
    graph.nodes[0].inputs[0] = "m"
    graph.nodes.insert(Node("Reshape", inputs: ["x", "shape"], outputs: ["m"]), at: 0)
  } else {
    graph.initializers["shape"] = nil
  }
  return graph
}

private let networks: [(String, Graph)] = {
  func conv(_ attributes: [String: Attribute]) -> Node {
    Node("Conv", inputs: ["x", "w"], outputs: ["y"], attributes: attributes)
  }
  return [
    ("padded", network(conv(["pads": .ints([1, 1, 1, 1])]), [4, 3, 3, 3])),
    (
      "strided, dilated",
      network(conv(["strides": .ints([2, 1]), "dilations": .ints([1, 2])]), [4, 3, 3, 3])
    ),
    (
      "depthwise, SAME",
      network(conv(["group": .int(3), "auto_pad": .string("SAME_UPPER")]), [6, 1, 3, 3])
    ),
    (
      "transposed",
      network(
        Node(
          "ConvTranspose", inputs: ["x", "w"], outputs: ["y"],
          attributes: ["strides": .ints([2, 2])]), [3, 4, 2, 2])
    ),
    (
      "matrix",
      network(Node("MatMul", inputs: ["x", "w"], outputs: ["y"]), [6, 5], isMatrix: true)
    ),
  ]
}()

/// The mean squared error of every channel of `y` with quantized weights, over the data of calibration.
private func errors(_ graph: Graph, _ weights: QuantizedWeights) throws -> [Double] {
  let name = graph.nodes.last!.inputs[1]
  var quantized = graph
  let float = graph.initializers[name]!
  let restored = zip(float.array(of: Float.self), weights.errors(of: float)).map {
    Float(Double($0) + $1)
  }
  quantized.initializers[name] = Tensor(restored, shape: float.shape)
  let before = try Executor(graph, on: ReferenceBackend.shared)
  let after = try Executor(quantized, on: ReferenceBackend.shared)
  var sums: [Double] = []
  for number in 0..<24 {
    let inputs = image(number).inputs
    let (a, b) = (try before.run(inputs)["y"]!, try after.run(inputs)["y"]!)
    let isMatrix = graph.nodes.last!.operatorType == "MatMul"
    let channels = a.shape[isMatrix ? a.rank - 1 : 1]
    if sums.isEmpty { sums = [Double](repeating: 0, count: channels) }
    for (place, pair) in zip(a.array(of: Float.self), b.array(of: Float.self)).enumerated() {
      let channel = isMatrix ? place % channels : place / (a.count / channels)
      sums[channel] += Double(pair.0 - pair.1) * Double(pair.0 - pair.1)
    }
  }
  return sums
}

private func low(_ change: (inout QuantizationSettings) -> Void = { _ in }) -> QuantizationSettings
{
  settings(weights: 8) {
    $0.weights.range = nil
    $0.improvements = [.outputs, .squant, .gain]
    $0.target = .qdq
    change(&$0)
  }
}

@Suite struct ScaleChoiceTests {
  /// Where the patches are all looked at, the error of outputs is that over the data, so that no filter
  /// can be worse than with either scale.
  @Test(arguments: networks.indices)
  func noFilterIsWorseThanWithLeastSquaresOrMinMax(index: Int) throws {
    let graph = networks[index].1
    let observations = try observed(graph, low())
    func model(_ settings: QuantizationSettings) throws -> QuantizedModel {
      try QuantizedModel(
        graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
        settings: settings, on: ReferenceBackend.shared)
    }
    let layer = graph.nodes.count - 1
    let chosen = try #require(model(low()).weights[layer])
    #expect(chosen.isChosenByOutputs)
    let plain: Set<Improvement> = [.squant, .gain]
    let squares = try #require(model(low { $0.improvements = plain }).weights[layer])
    let spanning = try #require(
      model(
        low {
          $0.improvements = plain
          $0.weights.range = .minmax
        }
      ).weights[layer])
    #expect(!squares.isChosenByOutputs)
    let found = try errors(graph, chosen)
    let others = [try errors(graph, squares), try errors(graph, spanning)]
    for other in others {
      for channel in found.indices {
        // Both are sums of squares of float differences, to 24 bits of the outputs.
        #expect(found[channel] <= other[channel] * (1 + 0x1p-10))
      }
      #expect(found.reduce(0, +) < other.reduce(0, +))
    }
  }

  @Test func theErrorIsThatOfTheMoments() throws {
    let graph = networks[0].1
    let observations = try observed(graph, low())
    let moments = try #require(observations.patchMoments["x"]?.values.first)
    for isCentered in [false, true] {
      let error = OutputError(moments, isCentered: isCentered)
      let means = isCentered ? moments.means : [Double](repeating: 0, count: 27)
      let own = moments.ownMoments(less: means)
      let cross = moments.crossMoments(less: means)
      let weights = (0..<27).map { place in
        var lanes = OutputError.Lanes.zero
        for lane in 0..<8 { lanes[lane] = Double((place * 7 + lane * 5) % 11 - 5) }
        return lanes
      }
      let found = weights.withUnsafeBufferPointer { error($0, group: 0) }
      for lane in 0..<8 {
        var expected = 0.0
        for a in 0..<27 {
          let weight = weights[a][lane]
          expected += weight * weight * own[a]
          for b in 0..<a {
            expected += 2 * weight * weights[b][lane] * cross[a * (a - 1) / 2 + b]
          }
        }
        #expect(abs(found[lane] - expected) <= 1e-12 * expected.magnitude * 27 * 27)
        #expect(found[lane] > 0)
      }
    }
  }

  @Test func layersWithoutMomentsKeepLeastSquaresAndSaySo() throws {
    let graph = networks[0].1
    let observations = try observed(graph, low())
    let model = try QuantizedModel(
      graph, histograms: observations.histograms, settings: low(), on: ReferenceBackend.shared)
    #expect(model.weights[0]?.isChosenByOutputs == false)
    let report = model.report(
      original: 1, written: 1, histograms: observations.histograms, sampleCount: 24)
    #expect(report.notes.contains { $0.contains("hold no moments") })
    #expect(report.layers[0].weightRange == "mse")
    let without = try QuantizedModel(
      graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
      settings: low { $0.improvements = [.squant, .gain] }, on: ReferenceBackend.shared)
    #expect(model.weights[0]?.quantizers == without.weights[0]?.quantizers)
  }

  @Test func powersOfTwoStayPowersOfTwo() throws {
    let graph = networks[0].1
    let settings = low {
      $0.scales = .powerOfTwo
      $0.improvements = Improvement.all(for: .powerOfTwo)
    }
    let observations = try observed(graph, settings)
    let model = try QuantizedModel(
      graph, histograms: observations.histograms, patchMoments: observations.patchMoments,
      settings: settings, on: ReferenceBackend.shared)
    let weights = try #require(model.weights[0])
    #expect(weights.isChosenByOutputs)
    for quantizer in weights.quantizers { #expect(quantizer.scale.significand == 1) }
  }

  @Test func onlyLayersOfFewLevelsWithAScaleAChannelAreGathered() throws {
    let graph = residualNetwork()
    let all = try QuantizationPlan(graph, settings: settings()).patches(for: nil)
    #expect(Set(all.keys) == ["x", "b", "g"])
    let borders = low { $0.borderLevels = 256 }
    let some = try QuantizationPlan(graph, settings: borders).patches(for: borders)
    #expect(Set(some.keys) == ["b"])
    let tensor = low { $0.granularity = .tensor }
    #expect(try QuantizationPlan(graph, settings: tensor).patches(for: nil).isEmpty)
  }
}
