import Graph
import PostTraining
import Quantization
import Tensors
import Testing

/// Doubts about data, from what a model says of its training data.
@Suite struct CalibrationDoubtTests {
  /// A convolution of one channel of images, normalized to a mean of 0 and a variance of 4, rectified.
  static var normalized: Graph {
    var graph = Graph(
      opsets: ["": 13],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32, shape: [.fixed(1), .fixed(1), .fixed(4), .fixed(4)])
      ], outputs: [ValueInfo(name: "y", elementType: .float32)])
    graph.initializers = [
      "w": Tensor([Float(1)], shape: [1, 1, 1, 1]), "scale": Tensor([Float(2)]),
      "shift": Tensor([Float(0)]), "mean": Tensor([Float(0)]), "variance": Tensor([Float(1)]),
    ]
    graph.nodes = [
      Node(name: "conv", "Conv", inputs: ["x", "w"], outputs: ["a"]),
      Node(
        name: "norm", "BatchNormalization", inputs: ["a", "scale", "shift", "mean", "variance"],
        outputs: ["b"]),
      Node(name: "relu", "Relu", inputs: ["b"], outputs: ["y"]),
    ]
    return graph
  }

  /// Evenly spaced values around zero with a root mean square of about `size`, rectified.
  private func rectified(_ size: Float) -> Histogram {
    Histogram((-500...500).map { max(Float($0) / 500 * size * Float(3).squareRoot(), 0) })
  }

  @Test func normalizationsKnowTheirTrainingData() {
    let graph = Self.normalized
    #expect(graph.calibrationDoubts(["y": rectified(2)]).isEmpty)
    #expect(graph.calibrationDoubts(["y": rectified(2.6)]).isEmpty)
    for size in [Float(0.5), 500] {
      let doubts = graph.calibrationDoubts(["y": rectified(size)])
      #expect(doubts.count == 1 && doubts[0].contains("'norm'"), "\(doubts)")
      // Half of a variance of 4 is left by the rectifier.
      #expect(doubts[0].contains("mean square of 1.41;"))
    }
    #expect(graph.calibrationDoubts([:]).isEmpty)
  }

  @Test func scalesOfTheModelItselfAreNotAppliedTwice() {
    var graph = Self.normalized
    graph.initializers["half"] = Tensor(scalar: Float(127.5))
    graph.nodes = [
      Node("Sub", inputs: ["x", "half"], outputs: ["s"]),
      Node("Div", inputs: ["s", "half"], outputs: ["t"]),
      Node(name: "conv", "Conv", inputs: ["t", "w"], outputs: ["y"]),
    ]
    #expect(graph.calibrationDoubts(["x": Histogram([0, 128, 255])]).isEmpty)
    #expect(graph.calibrationDoubts(["t": Histogram([-1, 1])]).isEmpty)
    let wide = graph.calibrationDoubts(["x": Histogram([0, 65535])])
    #expect(wide.count == 1 && wide[0].contains("'x' itself"), "\(wide)")
    #expect(graph.calibrationDoubts(["t": Histogram([-0.01, 0.02])]).count == 1)
  }

  @Test func dataThatVanishBesideTheBiases() {
    var graph = Self.normalized
    graph.initializers["bias"] = Tensor([Float(0.5)])
    graph.nodes = [Node(name: "conv", "Conv", inputs: ["x", "w", "bias"], outputs: ["y"])]
    let seen = { (size: Float) in ["x": Histogram((1...100).map { Float($0) / 100 * size })] }
    #expect(graph.calibrationDoubts(seen(1)).isEmpty)
    #expect(graph.calibrationDoubts(seen(255)).isEmpty)
    let doubts = graph.calibrationDoubts(seen(1 / 255))
    #expect(doubts.count == 1 && doubts[0].contains("'conv' makes of these data"), "\(doubts)")
    // Zeros are constant, which is said elsewhere.
    #expect(graph.calibrationDoubts(["x": Histogram([0, 0])]).isEmpty)
  }

  @Test func aFirstLayerThatGivesNothing() {
    var graph = Self.normalized
    graph.nodes = [
      Node(name: "conv", "Conv", inputs: ["x", "w"], outputs: ["a"]),
      Node(name: "relu", "Relu", inputs: ["a"], outputs: ["y"]),
    ]
    let dead = Histogram([Float](repeating: 0, count: 999) + [1])
    #expect(graph.calibrationDoubts(["y": dead]).first?.contains("'conv' gives is 0") == true)
    #expect(graph.calibrationDoubts(["y": rectified(1)]).isEmpty)
  }
}
