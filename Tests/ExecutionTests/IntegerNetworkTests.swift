import Graph
import Operations
import Tensors
import Testing

@testable import Execution

/// Whole networks on packed codes.
@Suite struct IntegerNetworkTests {
  /// A network with a residual connection, an output that is read in the middle, and a product with
  /// a float result.
  private func residualNetwork(
    type: ElementType, bits: Int, levels: Int
  ) -> (graph: Graph, input: Tensor) {
    var builder = QuantizedGraphBuilder(seed: UInt64(bits * 1000 + levels))
    builder.type = type
    builder.input("x", [2, 3, 7, 5])
    let first = builder.quantize("x", exponent: -6)
    let stem = builder.convolution(
      "stem", first, [8, 3, 3, 3], ["pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 1])])
    let a = builder.quantize(stem, exponent: -4, levels: levels)
    let left = builder.quantize(
      builder.convolution(
        "left", a, [8, 1, 3, 3], bits: bits,
        ["auto_pad": .string("SAME_UPPER"), "group": .int(8)]), exponent: -4, levels: levels)
    let right = builder.quantize(
      builder.convolution("right", a, [8, 8, 1, 1], bits: bits), exponent: -4, levels: levels)
    let parts = [builder.dequantize(left), builder.dequantize(right)]
    let sum = builder.quantize(
      builder.node("Add", parts, "sum"), exponent: -4, levels: levels)
    let last = builder.quantize(
      builder.convolution("last", sum, [5, 8, 2, 2], bits: bits), exponent: -2)
    builder.output(last, type)
    builder.output(builder.dequantize(sum))
    return (builder.graph, builder.sample([2, 3, 7, 5]))
  }

  @Test(arguments: [ElementType.uint8, .int8], [(8, 256), (4, 16), (2, 23)])
  func packedNetworksEqualTheirProducts(type: ElementType, width: (bits: Int, levels: Int)) throws {
    let (graph, input) = residualNetwork(type: type, bits: width.bits, levels: width.levels)
    let network = try IntegerNetwork(graph).graph
    let packed = network.nodes.filter { $0.operatorType == "ConvolvePacked" }
    #expect(packed.count == 4)
    #expect(!network.nodes.contains { $0.operatorType.hasPrefix("QLinearConv") })
    #expect(
      packed.count { $0.attributes["weight_type"] == .string("int\(width.bits)") }
        == (width.bits == 8 ? 0 : 3))
    let plain = try Executor(graph.withIntegerProducts(), on: ReferenceBackend.shared)
    let executor = try Executor(network, on: ReferenceBackend.shared)
    #expect(try executor.run(["x": input]) == plain.run(["x": input]))
  }

  @Test func linesAndMatricesArePacked() throws {
    var builder = QuantizedGraphBuilder(seed: 5)
    builder.input("x", [2, 3, 11])
    let first = builder.quantize("x", exponent: -6)
    let line = builder.quantize(
      builder.convolution(
        "line", first, [4, 3, 3], ["pads": .ints([2, 0]), "dilations": .ints([2])]), exponent: -3)
    // [2, 4, 9] times a matrix [9, 6], quantized, then once more into floats.
    let factor = builder.weights("factor", [9, 6], axis: 1)
    let product = builder.quantize(
      builder.node("MatMul", [builder.dequantize(line), factor], "product"), exponent: -1)
    let other = builder.weights("other", [6, 5], bits: 4, axis: 1)
    builder.output(builder.node("MatMul", [builder.dequantize(product), other], "y"))
    let input = builder.sample([2, 3, 11])
    let network = try IntegerNetwork(builder.graph).graph
    #expect(network.nodes.count { $0.operatorType == "ConvolvePacked" } == 2)
    #expect(network.nodes.count { $0.operatorType == "SumPacked" } == 1)
    #expect(try IntegerNetwork(builder.graph).islands == [])
    // From one product to the next the rows stay packed.
    #expect(network.nodes.count { $0.operatorType == "PackCodes" } == 2)
    let plain = try Executor(builder.graph.withIntegerProducts(), on: ReferenceBackend.shared)
    let executor = try Executor(network, on: ReferenceBackend.shared)
    #expect(try executor.run(["x": input]) == plain.run(["x": input]))
  }

  @Test func graphsWithoutCodesStay() throws {
    let graph = graph("Relu", opset: 21, inputs: [counting([2, 3])])
    #expect(try IntegerNetwork(graph).graph == graph)
  }
}
