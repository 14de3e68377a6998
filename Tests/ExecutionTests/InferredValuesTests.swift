import Execution
import Graph
import Tensors
import Testing

@Suite struct InferredValuesTests {
  func values(
    _ shape: [Dimension]?, _ nodes: [Node], _ initializers: [String: Tensor] = [:],
    declared: [Dimension]? = nil
  ) throws -> [String: [Dimension]?] {
    let graph = Graph(
      opsets: ["": 13], inputs: [ValueInfo(name: "x", elementType: .float32, shape: shape)],
      outputs: [ValueInfo(name: "y", elementType: .float32, shape: declared)],
      initializers: initializers, nodes: nodes)
    return try graph.inferredValues().mapValues(\.shape)
  }

  @Test func symbolsPassThroughAConvolution() throws {
    let weights = Tensor(repeating: 1 as Float, shape: [5, 3, 3, 3])
    let found = try values(
      [.symbolic("n"), .fixed(3), .symbolic("height"), .fixed(32)],
      [
        Node(
          "Conv", inputs: ["x", "w"], outputs: ["same"], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(
          "MaxPool", inputs: ["same"], outputs: ["y"],
          attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
      ], ["w": weights])
    #expect(found["same"] == [.symbolic("n"), .fixed(5), .symbolic("height"), .fixed(32)])
    #expect(found["y"] == [.symbolic("n"), .fixed(5), .unknown, .fixed(16)])
  }

  @Test func aShapeComputedByTheGraphIsFollowed() throws {
    let found = try values(
      [.symbolic("n"), .fixed(2), .fixed(6)],
      [
        Node("Shape", inputs: ["x"], outputs: ["s"]),
        Node("Gather", inputs: ["s", "zero"], outputs: ["n"]),
        Node("Unsqueeze", inputs: ["n", "axes"], outputs: ["n1"]),
        Node("Concat", inputs: ["n1", "rest"], outputs: ["t"], attributes: ["axis": .int(0)]),
        Node("Reshape", inputs: ["x", "t"], outputs: ["y"]),
      ],
      [
        "zero": Tensor(scalar: 0 as Int64), "axes": Tensor([0] as [Int64]),
        "rest": Tensor([-1] as [Int64]),
      ])
    #expect(found["y"] == [.symbolic("n"), .fixed(12)])
    #expect(found["t"] == [.fixed(2)])
  }

  @Test func unnamedDimensionsStayUnknownUnlessDeclared() throws {
    let relu = [Node("Relu", inputs: ["x"], outputs: ["y"])]
    #expect(try values([.unknown, .fixed(2)], relu)["y"] == [.unknown, .fixed(2)])
    #expect(
      try values([.unknown, .fixed(2)], relu, declared: [.symbolic("m"), .unknown])["y"]
        == [.symbolic("m"), .fixed(2)])
    #expect(try values(nil, relu, declared: [.fixed(4)])["y"] == [.fixed(4)])
  }

  @Test func twoSymbolsDoNotMix() throws {
    let found = try values(
      [.symbolic("a"), .symbolic("b")],
      [
        Node(
          "Concat", inputs: ["x", "x"], outputs: ["twice"], attributes: ["axis": .int(1)]),
        Node("Flatten", inputs: ["x"], outputs: ["flat"], attributes: ["axis": .int(0)]),
        Node("Transpose", inputs: ["x"], outputs: ["y"]),
      ])
    #expect(found["twice"] == [.symbolic("a"), .unknown])
    #expect(found["flat"] == [.fixed(1), .unknown])
    #expect(found["y"] == [.symbolic("b"), .symbolic("a")])
  }
}
