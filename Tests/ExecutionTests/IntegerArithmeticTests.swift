import Graph
import Operations
import Tensors
import Testing

@testable import Execution

/// What lies between the convolutions of integer networks.
@Suite struct IntegerArithmeticTests {
  /// A network of `[2, 3, 8, 8]` in which everything that has codes occurs.
  private func network(
    seed: UInt64, type: ElementType = .uint8, levels: Int = 256, powersOfTwo: Bool = false,
    averages: Bool = true
  ) -> QuantizedGraphBuilder {
    var builder = QuantizedGraphBuilder(seed: seed)
    builder.type = type
    builder.usesPowersOfTwo = powersOfTwo
    builder.input("x", [2, 3, 8, 8])
    let first = builder.quantize("x", exponent: -6)
    let stem = builder.quantize(
      builder.convolution("stem", first, [5, 3, 3, 3], ["pads": .ints([1, 1, 1, 1])]),
      exponent: -4, levels: levels)
    let pooled = builder.quantize(
      builder.node(
        averages ? "AveragePool" : "MaxPool", [builder.dequantize(stem)], "pooled",
        ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]), exponent: -5)
    let activated = builder.quantize(
      builder.node("HardSwish", [builder.dequantize(pooled)], "activated"), exponent: -5)
    let left = builder.quantize(
      builder.convolution("left", activated, [6, 5, 1, 1], bits: 4), exponent: -4, levels: levels)
    let right = builder.quantize(
      builder.convolution(
        "right", activated, [6, 5, 3, 3], bits: 2, ["auto_pad": .string("SAME_LOWER")]),
      exponent: -3, levels: levels)
    let product = builder.quantize(
      builder.node(
        "Mul", [builder.dequantize(left), builder.dequantize(right)], "product"), exponent: -3)
    let joined = builder.quantize(
      builder.node(
        "Concat", [builder.dequantize(product), builder.dequantize(left)], "joined",
        ["axis": .int(1)]), exponent: -3)
    let slope = builder.constant(
      "slope", Tensor((1...12).map { Float($0) / 16 }, shape: [12, 1, 1]))
    let bent = builder.quantize(
      builder.node("PRelu", [builder.dequantize(joined), slope], "bent"), exponent: -3)
    let last = builder.quantize(
      builder.convolution("last", bent, [4, 12, 3, 3], bits: 4), exponent: -2)
    var end = builder.dequantize(last)
    if averages {
      let mean = builder.quantize(
        builder.node("GlobalAveragePool", [end], "mean"), exponent: -3)
      end = builder.dequantize(mean)
    }
    builder.output(end)
    return builder
  }

  @Test(arguments: [(ElementType.uint8, 256), (.int8, 256), (.uint8, 16), (.uint8, 23)])
  func everythingBetweenConvolutionsIsOnCodes(type: ElementType, levels: Int) throws {
    let builder = network(seed: 3, type: type, levels: levels)
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
      var builder = network(seed: UInt64(seed), type: type, levels: levels)
      let input = builder.sample([2, 3, 8, 8])
      var codes = try CodesWriter(builder.graph)
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
      var builder = network(seed: UInt64(seed), type: type, levels: levels, averages: false)
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
      var builder = network(
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
