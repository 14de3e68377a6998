import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Tensors
import Testing

@testable import Execution

/// Operators that move codes between two convolutions.
@Suite struct PackedMovementTests {
  /// What lies between: its name, the channels behind it, and the nodes from the float `a`, of shape
  /// [2, 8, 6, 4], to a float.
  struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let channels: Int
    let nodes: @Sendable (inout QuantizedGraphBuilder, String) -> String
    var testDescription: String { name }

    init(
      _ name: String, channels: Int,
      _ nodes: @escaping @Sendable (inout QuantizedGraphBuilder, String) -> String
    ) {
      self.name = name
      self.channels = channels
      self.nodes = nodes
    }

    /// One node with attributes and integers as further inputs.
    init(
      _ operatorType: String, channels: Int, _ attributes: [String: Attribute] = [:],
      _ integers: [[Int]] = []
    ) {
      self.init(operatorType, channels: channels) { builder, x in
        let constants = integers.enumerated().map { builder.constant("c\($0)", .int64($1)) }
        return builder.node(operatorType, [x] + constants, "moved", attributes)
      }
    }
  }

  static let examples: [Example] = [
    Example("Transpose", channels: 8, ["perm": .ints([0, 1, 3, 2])]),
    Example("Transpose", channels: 4, ["perm": .ints([0, 3, 1, 2])]),
    Example("Slice", channels: 8, [:], [[5, 0], [-7, 4], [2, 3], [-2, 3]]),
    Example("Slice", channels: 3, [:], [[1], [7], [1], [2]]),
    Example("Pad", channels: 8, ["mode": .string("reflect")], [[0, 0, 1, 2, 0, 0, 0, 1]]),
    Example("Pad", channels: 8, ["mode": .string("constant")], [[0, 0, 1, 2, 0, 0, 0, -1]]),
    Example("Pad", channels: 11, [:], [[0, 1, 0, 0, 0, 2, 0, 0]]),
    Example("DepthToSpace", channels: 2, ["blocksize": .int(2)]),
    Example("DepthToSpace", channels: 2, ["blocksize": .int(2), "mode": .string("CRD")]),
    Example("SpaceToDepth", channels: 32, ["blocksize": .int(2)]),
    Example("Gather", channels: 3, ["axis": .int(1)], [[7, 0, 2]]),
    Example("Tile", channels: 16, [:], [[1, 2, 1, 2]]),
    Example("Reshape", channels: 32, [:], [[2, 32, 6, 1]]),
    Example("Resize", channels: 8) { builder, x in
      let scales = builder.constant("scales", Tensor([1, 1, 2, 1.5] as [Float]))
      return builder.node("Resize", [x, "", scales], "moved")
    },
    Example("Concat, columns", channels: 8) { builder, x in
      let flipped = builder.node(
        "Slice",
        [x]
          + ["starts", "ends", "axes", "steps"].enumerated().map {
            builder.constant($1, .int64([[3], [-9], [3], [-1]][$0]))
          }, "flipped")
      return builder.node("Concat", [x, flipped], "moved", ["axis": .int(3)])
    },
    Example("Split and Concat, channels", channels: 13) { builder, x in
      let parts = builder.constant("parts", .int64([3, 5]))
      builder.graph.nodes.append(
        Node(
          "Split", inputs: [x, parts], outputs: ["low", "high"], attributes: ["axis": .int(1)]))
      return builder.node("Concat", ["high", x], "moved", ["axis": .int(1)])
    },
  ]

  private func network(
    _ example: Example, powersOfTwo: Bool = false
  ) -> (graph: Graph, input: Tensor) {
    var builder = QuantizedGraphBuilder(seed: 11)
    builder.usesPowersOfTwo = powersOfTwo
    builder.input("x", [2, 3, 6, 4])
    let first = builder.quantize("x", exponent: -6)
    let a = builder.quantize(builder.convolution("first", first, [8, 3, 1, 1]), exponent: -4)
    let moved = example.nodes(&builder, builder.dequantize(a))
    // Same parameters: nothing but a movement lies between.
    let same = builder.quantize(moved, as: a)
    let y = builder.convolution("second", same, [5, example.channels, 1, 1])
    builder.output(builder.quantize(y, exponent: -2), .uint8)
    return (builder.graph, builder.sample([2, 3, 6, 4]))
  }

  @Test(arguments: examples) func codesStayPackedAndEqualPlainOnes(example: Example) throws {
    let (graph, input) = network(example)
    let plain = try Executor(graph.withIntegerProducts(), on: ReferenceBackend.shared)
    let expected = try plain.run(["x": input])
    let network = try IntegerNetwork(graph)
    #expect(network.islands == [])
    #expect(network.graph.nodes.contains { $0.operatorType == "MovePacked" })
    #expect(network.graph.nodes.count { $0.operatorType == "PackCodes" } == 1)
    #expect(network.graph.nodes.count { $0.operatorType == "UnpackCodes" } == 1)
    #expect(try Executor(network.graph, on: ReferenceBackend.shared).run(["x": input]) == expected)
    for device in (try? Device.all()) ?? [] {
      let backend = try OpenCLBackend(device)
      let executor = try Executor(network.graph, on: backend)
      #expect(try executor.run(["x": input]) == expected)
      // What is known of the shapes is used again.
      #expect(try executor.run(["x": input]) == expected)
      #expect(backend.hostOperations == [:])
    }
  }

  /// Where an address is no sum over the axes, codes are unpacked for the operator alone.
  @Test func reshapesThatCutAcrossAxesAreRight() throws {
    let example = Example("Reshape", channels: 12, [:], [[2, 12, 8, 2]])
    let (graph, input) = network(example)
    let plain = try Executor(graph.withIntegerProducts(), on: ReferenceBackend.shared)
    let network = try IntegerNetwork(graph)
    #expect(network.graph.nodes.contains { $0.operatorType == "MovePacked" })
    #expect(
      try Executor(network.graph, on: ReferenceBackend.shared).run(["x": input])
        == plain.run(["x": input]))
  }

  /// A value that is no code of the quantizer is no filling of codes.
  @Test func fillingsThatAreNoCodesStayInFloat() throws {
    for (value, isCode) in [(Float(0.5), true), (0.51, false)] {
      let example = Example("Pad", channels: 8) { builder, x in
        let pads = builder.constant("pads", .int64([0, 0, 1, 1, 0, 0, 1, 1]))
        let filling = builder.constant("value", Tensor(scalar: value))
        return builder.node("Pad", [x, pads, filling], "moved")
      }
      // In units of a sixteenth.
      let (graph, input) = network(example, powersOfTwo: true)
      let plain = try Executor(graph.withIntegerProducts(), on: ReferenceBackend.shared)
      let network = try IntegerNetwork(graph)
      #expect(network.islands.isEmpty == isCode)
      #expect(
        try Executor(network.graph, on: ReferenceBackend.shared).run(["x": input])
          == plain.run(["x": input]))
    }
  }
}
