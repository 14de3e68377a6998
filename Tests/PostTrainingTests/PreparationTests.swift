import Execution
import Graph
import Operations
import PostTraining
import Tensors
import Testing

@Suite struct PreparationTests {
  func graph(
    _ nodes: [Node], _ initializers: [String: Tensor], input: [Dimension],
    outputs: [String] = ["y"]
  ) -> Graph {
    Graph(
      opsets: ["": 13], inputs: [ValueInfo(name: "x", elementType: .float32, shape: input)],
      outputs: outputs.map { ValueInfo(name: $0, elementType: .float32) },
      initializers: initializers, nodes: nodes)
  }

  /// Runs a graph on small integers, which keep every sum exact.
  func run(_ graph: Graph, _ shape: [Int]) throws -> [String: Tensor] {
    let x = Tensor((0..<shape.reduce(1, *)).map { Float($0 % 7 - 3) }, shape: shape)
    return try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
  }

  /// Reshape to a target that is computed from the input's shape.
  let reshaping = [
    Node("Shape", inputs: ["x"], outputs: ["s"]),
    Node("Gather", inputs: ["s", "zero"], outputs: ["n"]),
    Node("Unsqueeze", inputs: ["n", "axes"], outputs: ["n1"]),
    Node("Concat", inputs: ["n1", "rest"], outputs: ["t"], attributes: ["axis": .int(0)]),
    Node("Reshape", inputs: ["x", "t"], outputs: ["y"]),
  ]
  let reshapingConstants = [
    "zero": Tensor(scalar: 0 as Int64), "axes": Tensor([0] as [Int64]),
    "rest": Tensor([-1] as [Int64]),
  ]

  @Test func shapesOfFixedExtentsAreConstants() throws {
    let closed = graph(reshaping, reshapingConstants, input: [.fixed(2), .fixed(3), .fixed(4)])
    let prepared = try closed.preparedForQuantization()
    #expect(prepared.nodes.map(\.operatorType) == ["Reshape"])
    #expect(prepared.initializers["t"] == Tensor([2, -1] as [Int64]))
    #expect(try run(prepared, [2, 3, 4]) == run(closed, [2, 3, 4]))
  }

  @Test func shapesOfOpenExtentsStay() throws {
    let open = graph(reshaping, reshapingConstants, input: [.symbolic("n"), .fixed(3), .fixed(4)])
    let prepared = try open.preparedForQuantization()
    #expect(prepared.nodes.count == 5)
    #expect(try run(prepared, [5, 3, 4]) == run(open, [5, 3, 4]))
  }

  /// A convolution and a normalization whose factor is exactly 2 for the first channel, -1 for the
  /// second.
  let convolution = Node("Conv", inputs: ["x", "w", "b"], outputs: ["c"])
  let normalization = Node(
    "BatchNormalization", inputs: ["c", "scale", "shift", "mean", "variance"], outputs: ["y"],
    attributes: ["epsilon": .float(0)])
  let constants = [
    "w": Tensor([1, 2, -1, 3] as [Float], shape: [2, 1, 1, 2]), "b": Tensor([1, -2] as [Float]),
    "scale": Tensor([4, -1] as [Float]), "shift": Tensor([3, 5] as [Float]),
    "mean": Tensor([1, 2] as [Float]), "variance": Tensor([4, 1] as [Float]),
  ]

  @Test func normalizationBecomesPartOfTheConvolution() throws {
    let original = graph(
      [convolution, normalization], constants, input: [.fixed(1), .fixed(1), .fixed(3), .fixed(4)])
    let prepared = try original.preparedForQuantization()
    #expect(prepared.nodes.map(\.operatorType) == ["Conv"])
    #expect(try run(prepared, [1, 1, 3, 4]) == run(original, [1, 1, 3, 4]))
  }

  @Test func sharedWeightsAreScaledForOneReaderOnly() throws {
    let other = Node("Conv", inputs: ["x", "w", "b"], outputs: ["z"])
    let original = graph(
      [convolution, other, normalization], constants,
      input: [.fixed(1), .fixed(1), .fixed(3), .fixed(4)], outputs: ["y", "z"])
    let prepared = try original.preparedForQuantization()
    #expect(prepared.nodes.map(\.operatorType) == ["Conv", "Conv"])
    #expect(try run(prepared, [1, 1, 3, 4]) == run(original, [1, 1, 3, 4]))
  }

  @Test func aConvolutionWithAnotherReaderKeepsItsNormalization() throws {
    let other = Node("Relu", inputs: ["c"], outputs: ["z"])
    let original = graph(
      [convolution, other, normalization], constants,
      input: [.fixed(1), .fixed(1), .fixed(3), .fixed(4)], outputs: ["y", "z"])
    let prepared = try original.preparedForQuantization()
    #expect(prepared.nodes.contains { $0.operatorType == "BatchNormalization" })
    #expect(try run(prepared, [1, 1, 3, 4]) == run(original, [1, 1, 3, 4]))
  }
}
