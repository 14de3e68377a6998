import Calibration
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import TestNetworks
import Testing

@Suite struct WeightTests {
  @Test func channelsLieAlongTheAxisOfTheOperator() throws {
    // Every channel has weights of its own magnitude, so a wrong axis shows in the scales.
    func graph(_ node: Node, _ shape: [Int], axis: Int, input: [Int]) -> Graph {
      let inner = shape[(axis + 1)...].reduce(1, *)
      let values = (0..<shape.reduce(1, *)).map { Float(1 << ($0 / inner % shape[axis])) }
      return Graph(
        opsets: ["": 13], inputs: [value("x", input)],
        outputs: [ValueInfo(name: "y", elementType: .float32)],
        initializers: ["w": Tensor(values, shape: shape)], nodes: [node])
    }
    let cases: [(Graph, Int)] = [
      (
        graph(
          Node("Conv", inputs: ["x", "w"], outputs: ["y"]), [4, 2, 3, 3], axis: 0, input: [2, 5, 5]),
        4
      ),
      (
        graph(
          Node(
            "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: ["group": .int(6)]),
          [6, 1, 3, 3], axis: 0, input: [6, 5, 5]), 6
      ),
      (
        graph(
          Node("ConvTranspose", inputs: ["x", "w"], outputs: ["y"]), [3, 5, 2, 2], axis: 1,
          input: [3, 5, 5]), 5
      ),
      (
        graph(
          Node(
            "Gemm", inputs: ["x", "w"], outputs: ["y"], attributes: ["transB": .int(1)]), [3, 7],
          axis: 0, input: [7]), 3
      ),
      (graph(Node("Gemm", inputs: ["x", "w"], outputs: ["y"]), [7, 3], axis: 1, input: [7]), 3),
      (graph(Node("MatMul", inputs: ["x", "w"], outputs: ["y"]), [7, 3], axis: 1, input: [7]), 3),
    ]
    for (graph, channels) in cases {
      let model = try quantized(graph, settings())
      let weights = try #require(model.weights[0])
      #expect(weights.quantizers.count == channels)
      for (channel, quantizer) in weights.quantizers.enumerated() {
        #expect(quantizer.scale == Float(1 << channel) / 127)
      }
    }
  }

  @Test func aBiasThatOverflowsRaisesItsChannelsScale() throws {
    var graph = residualNetwork()
    var bias = [Float](repeating: 0.1, count: 4)
    bias[2] = 1e9
    graph.initializers["body.b"] = Tensor(bias)
    let model = try quantized(graph, settings())
    #expect(model.plan.warnings.contains { $0.hasPrefix("body: the bias 1e+09 of channel 2") })
    let written = try model.graph()
    let codes = try #require(written.writer(of: written.node("body")!.inputs[2]))
    let values = try #require(written.initializers[codes.inputs[0]]).array(of: Int32.self)
    #expect(abs(Int(values[2])) <= 1 << 30)
    // What the code stands for is the bias.
    let scales = try #require(written.initializers[codes.inputs[1]]).array(of: Float.self)
    #expect(abs(Double(values[2]) * Double(scales[2]) / 1e9 - 1) < 1e-6)
    // The other channels are as they were.
    let before = try quantized(residualNetwork(), settings())
    #expect(before.weights[1]?.quantizers[0] == model.weights[1]?.quantizers[0])
  }

  @Test func powerOfTwoScalesArePowersOfTwo() throws {
    let model = try quantized(residualNetwork(), settings { $0.scales = .powerOfTwo })
    for weights in model.weights.values {
      for quantizer in weights.quantizers { #expect(quantizer.scale.significand == 1) }
    }
    for value in model.plan.values.values {
      #expect(value.quantizer?.scale.significand == 1)
    }
  }
}

@Suite struct BiasCorrectionTests {
  /// The shift that the bias takes back is the mean error of the sums.
  @Test func biasesTakeBackTheMeanErrorOfTheWeights() throws {
    let graph = residualNetwork()
    let plan = try QuantizationPlan(graph, settings: settings(weights: 5))
    #expect(plan.channelAxes == ["x": .second, "b": .second, "g": .last])
    let means: [String: [Double]] = ["b": [1, 2, 0, -0.5]]
    func model(_ corrects: Bool) throws -> QuantizedModel {
      try QuantizedModel(
        graph, histograms: histograms(plan), channelMeans: means,
        settings: settings(weights: 5) { $0.improvements = corrects ? [.bias] : [] },
        on: ReferenceBackend.shared)
    }
    func biases(_ model: QuantizedModel) throws -> [Double] {
      let written = try model.graph()
      let codes = try #require(written.writer(of: written.node("body")!.inputs[2]))
      let scales = try #require(written.initializers[codes.inputs[1]]).array(of: Float.self)
      return zip(try #require(written.initializers[codes.inputs[0]]).array(of: Int32.self), scales)
        .map { Double($0) * Double($1) }
    }
    let plain = try model(false)
    let corrected = try biases(model(true))
    let before = try biases(plain)
    let quantized = try #require(plain.weights[2])
    let codes = quantized.codes.array(of: Int8.self)
    let float = graph.initializers["body.w"]!.array(of: Float.self)
    for channel in 0..<4 {
      var shift = 0.0
      for input in 0..<4 {
        for tap in 0..<9 {
          let place = (channel * 4 + input) * 9 + tap
          let error =
            Double(codes[place]) * Double(quantized.quantizers[channel].scale)
            - Double(float[place])
          shift -= error * means["b"]![input]
        }
      }
      #expect(shift != 0)
      // Each bias is rounded to the nearest of its codes.
      let step = Double(quantized.quantizers[channel].scale) * 4 / 255
      #expect(abs(corrected[channel] - before[channel] - shift) <= step)
    }
  }
}
