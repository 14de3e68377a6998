import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Tensors
import Testing

@testable import Execution

/// Whole networks on every device that is there.
@Suite(.enabled(if: !((try? Device.all()) ?? []).isEmpty, "no OpenCL device"))
struct DeviceNetworkTests {
  /// A network with everything that has packed codes and a float at its end only.
  private func network() throws -> (graph: Graph, input: Tensor) {
    var builder = QuantizedGraphBuilder(seed: 77)
    builder.input("x", [1, 3, 16, 16])
    let first = builder.quantize("x", exponent: -6)
    let stem = builder.quantize(
      builder.convolution("stem", first, [8, 3, 3, 3], ["pads": .ints([1, 1, 1, 1])]),
      exponent: -4)
    let pooled = builder.node(
      "MaxPool", [builder.dequantize(stem)], "pooled",
      ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
    let a = builder.quantize(pooled, exponent: -4)
    let b = builder.quantize(
      builder.convolution(
        "depthwise", a, [8, 1, 3, 3], bits: 4, ["pads": .ints([1, 1, 1, 1]), "group": .int(8)]),
      exponent: -4)
    let sum = builder.node("Add", [builder.dequantize(a), builder.dequantize(b)], "sum")
    let added = builder.quantize(sum, exponent: -4)
    let c = builder.quantize(
      builder.node("HardSwish", [builder.dequantize(added)], "activated"), exponent: -4)
    let d = builder.quantize(
      builder.convolution("last", c, [10, 8, 1, 1], bits: 4), exponent: -3)
    let mean = builder.quantize(
      builder.node("GlobalAveragePool", [builder.dequantize(d)], "mean"), exponent: -5)
    let flat = builder.node("Flatten", [builder.dequantize(mean)], "flat")
    let e = builder.quantize(flat, exponent: -5)
    let factor = builder.weights("factor", [10, 4], axis: 1)
    builder.output(builder.node("MatMul", [builder.dequantize(e), factor], "y"))
    return (builder.graph, builder.sample([1, 3, 16, 16]))
  }

  /// From the input's upload to the download of the output nothing leaves the device.
  @Test func nothingGoesToTheHostBetweenLayers() throws {
    let (graph, input) = try network()
    let integers = try IntegerNetwork(graph)
    #expect(integers.layers.count == 4)
    #expect(integers.layers.allSatisfy { $0.isPacked })
    #expect(integers.islands == [])
    let expected = try Executor(integers.graph, on: ReferenceBackend.shared).run(["x": input])
    for device in try Device.all() {
      let backend = try OpenCLBackend(device)
      let executor = try Executor(integers.graph, on: backend)
      #expect(try executor.run(["x": input]) == expected)
      let before = backend.downloadCount
      _ = try executor.run(["x": input])
      #expect(backend.downloadCount - before == 1)
      #expect(backend.hostOperations == [:])
    }
  }
}
