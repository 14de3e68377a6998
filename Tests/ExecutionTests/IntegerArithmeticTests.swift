import Graph
import Operations
import Quantization
import Tensors
import Testing

@testable import Execution

/// What lies between the convolutions of integer networks.
@Suite struct IntegerArithmeticTests {
  @Test(arguments: [(ElementType.uint8, 256), (.int8, 256), (.uint8, 16), (.uint8, 23)])
  func everythingBetweenConvolutionsIsOnCodes(type: ElementType, levels: Int) throws {
    let builder = QuantizedGraphBuilder.mixed(seed: 3, type: type, levels: levels)
    let network = try IntegerNetwork(builder.graph)
    #expect(network.islands == [])
    #expect(network.layers.count == 4 && network.layers.allSatisfy { $0.isPacked })
    let floats = network.graph.nodes.filter {
      ["QuantizeLinear", "DequantizeLinear"].contains($0.operatorType)
    }
    #expect(floats.count == 2)
  }

  /// What the parts compute one by one on plain codes is what they compute packed.
  @Test(arguments: [(ElementType.uint8, 256), (.int8, 256), (.uint8, 16), (.int8, 23)])
  func packedCodesEqualPlainOnes(type: ElementType, levels: Int) throws {
    for seed in 1...4 {
      var builder = QuantizedGraphBuilder.mixed(seed: UInt64(seed), type: type, levels: levels)
      let input = builder.sample([2, 3, 8, 8])
      var codes = try CodesWriter(builder.graph, .float)
      let plain = try Executor(
        codes.rewritten().withIntegerProducts(), on: ReferenceBackend.shared)
      let packed = try Executor(
        IntegerNetwork(builder.graph).graph, on: ReferenceBackend.shared)
      #expect(try packed.run(["x": input]) == plain.run(["x": input]))
    }
  }

  /// Tables, sums and moved codes change nothing where averages, which are ONNX Runtime's on codes and
  /// ONNX's on floats, do not occur.
  @Test(arguments: [(ElementType.uint8, 256), (.int8, 16), (.uint8, 23)])
  func codesEqualIntegerProductsBetweenFloats(type: ElementType, levels: Int) throws {
    for seed in 1...4 {
      var builder = QuantizedGraphBuilder.mixed(
        seed: UInt64(seed), type: type, levels: levels, averages: false)
      let input = builder.sample([2, 3, 8, 8])
      let plain = try Executor(builder.graph.withIntegerProducts(), on: ReferenceBackend.shared)
      let packed = try Executor(
        IntegerNetwork(builder.graph).graph, on: ReferenceBackend.shared)
      #expect(try packed.run(["x": input]) == plain.run(["x": input]))
    }
  }

  /// With scales that are powers of two every float of the fake-quantized network is exact, so both
  /// engines give the same codes.
  @Test(arguments: [256, 16, 23, 4])
  func powersOfTwoMakeBothEnginesEqual(levels: Int) throws {
    for seed in 1...8 {
      var builder = QuantizedGraphBuilder.mixed(
        seed: UInt64(seed), levels: levels, powersOfTwo: true, averages: false)
      let input = builder.sample([2, 3, 8, 8])
      let float = try Executor(builder.graph, on: ReferenceBackend.shared)
      let integer = try Executor(
        IntegerNetwork(builder.graph).graph, on: ReferenceBackend.shared)
      #expect(try integer.run(["x": input]) == float.run(["x": input]))
    }
  }

  /// Codes that are stored in 4 and 2 bits have no operators of ONNX, and run on integers all the same.
  @Test func narrowCodesArePackedWithoutACast() throws {
    for seed in 1...8 {
      var builder = QuantizedGraphBuilder(seed: UInt64(seed))
      builder.storesNarrow = true
      builder.usesPowersOfTwo = true
      builder.input("x", [2, 3, 6, 6])
      let first = builder.quantize("x", exponent: -6)
      let a = builder.quantize(
        builder.convolution("a", first, [4, 3, 3, 3], bits: 4, ["pads": .ints([1, 1, 1, 1])]),
        exponent: -2, levels: 16)
      let b = builder.quantize(
        builder.convolution("b", a, [4, 4, 3, 3], bits: 2), exponent: -1, levels: 16)
      let c = builder.quantize(builder.convolution("c", b, [2, 4, 1, 1]), exponent: -3)
      builder.output(builder.dequantize(c))
      let input = builder.sample([2, 3, 6, 6])
      let network = try IntegerNetwork(builder.graph)
      #expect(network.layers.map(\.weightBits) == [4, 2, 8] && network.islands == [])
      #expect(network.layers[1].inputs.count == 16)
      let float = try Executor(builder.graph, on: ReferenceBackend.shared)
      let integer = try Executor(network.graph, on: ReferenceBackend.shared)
      #expect(try integer.run(["x": input]) == float.run(["x": input]))
    }
  }

  /// ONNX Runtime adds the zero point of an average before it rounds, and rounds a global average of
  /// exact sums: ties fall differently.
  @Test func averagesAreThoseOfONNXRuntime() throws {
    let scale = Tensor(scalar: Float(0.25))
    let zero = Tensor(scalar: UInt8(3))
    let x = Tensor([UInt8(4), 5, 4, 5, 8, 8, 9, 9], shape: [1, 2, 2, 2])
    // Means of 1.5 and 5.5 steps from zero at 3: 4.5 and 8.5 are halfway.
    let average = try compute(
      "QLinearAveragePool", opset: 1, domain: "com.microsoft", [x, scale, zero, scale, zero],
      ["kernel_shape": .ints([2, 2])])[0]
    #expect(average == Tensor([UInt8(4), 8], shape: [1, 2, 1, 1]))
    let global = try compute(
      "QLinearGlobalAveragePool", opset: 1, domain: "com.microsoft", [x, scale, zero, scale, zero])[
        0]
    #expect(global == Tensor([UInt8(5), 9], shape: [1, 2, 1, 1]))
  }

  @Test func layersSayWhatTheirAccumulatorsNeed() throws {
    var builder = QuantizedGraphBuilder(seed: 9)
    builder.input("x", [1, 2, 4, 4])
    let codes = builder.quantize("x", exponent: -5, levels: 16)
    let y = builder.quantize(builder.convolution("layer", codes, [3, 2, 3, 3]), exponent: -3)
    builder.output(y, .uint8)
    let layer = try #require(try IntegerNetwork(builder.graph).layers.first)
    let zero = Int(builder.graph.initializers["x_q_z"]?.array(of: UInt8.self)[0] ?? 0)
    #expect(layer.name == "layer" && layer.weightBits == 8)
    #expect(layer.inputs == -zero...15 - zero)
    let weights = builder.graph.initializers["layer_w"]?.array(of: Int8.self) ?? []
    let biases = builder.graph.initializers["layer_b"]?.array(of: Int32.self) ?? []
    let expected = (0..<3).map { filter in
      AccumulatorInterval(
        weights: weights[filter * 18..<(filter + 1) * 18].map { Int($0) }, inputs: layer.inputs,
        bias: Int(biases[filter]))
    }
    #expect(layer.filters == expected)
  }

  @Test func memoryIsThatOfValuesThatLiveTogether() throws {
    // x (64 bytes) and a (64) live together, then a and b (64), then b and c (32).
    var graph = Graph(opsets: ["": 21])
    graph.inputs = [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(4), .fixed(4)])]
    graph.nodes = [
      Node("Relu", inputs: ["x"], outputs: ["a"]), Node("Relu", inputs: ["a"], outputs: ["b"]),
      Node("Concat", inputs: ["a", "b"], outputs: ["c"], attributes: ["axis": .int(0)]),
      Node("Flatten", inputs: ["c"], outputs: ["d"]),
    ]
    graph.outputs = [ValueInfo(name: "d", elementType: .float32)]
    let memory = try #require(try ActivationMemory(of: graph))
    #expect(memory.peakBytes == 64 + 64 + 128)
    #expect(memory.peakNode == "Concat -> c")
  }
}
