import Graph
import Operations
import Synchronization
import Tensors
import Testing

@testable import Execution

@Suite struct ExecutorTests {
  /// Two convolutions with shape arithmetic between them.
  private func network(batch: Dimension) -> Graph {
    Graph(
      opsets: ["": 13],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32, shape: [batch, .fixed(1), .fixed(4), .fixed(4)])
      ],
      outputs: [ValueInfo(name: "flat", elementType: .float32)],
      initializers: [
        "w": Tensor((0..<18).map { Float($0 % 5) - 2 }, shape: [2, 1, 3, 3]),
        "zero": Tensor(scalar: Int64(0)), "rest": Tensor([Int64(-1)]), "axes": Tensor([Int64(0)]),
      ],
      nodes: [
        Node("Reshape", inputs: ["r", "target"], outputs: ["flat"]),
        Node("Relu", inputs: ["c"], outputs: ["r"]),
        Node(
          "Conv", inputs: ["x", "w"], outputs: ["c"], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node("Shape", inputs: ["x"], outputs: ["shape"]),
        Node("Gather", inputs: ["shape", "zero"], outputs: ["n"], attributes: ["axis": .int(0)]),
        Node("Unsqueeze", inputs: ["n", "axes"], outputs: ["n1"]),
        Node("Concat", inputs: ["n1", "rest"], outputs: ["target"], attributes: ["axis": .int(0)]),
      ])
  }

  @Test func runsInAnyOrderOfNodesAndForAnyBatch() throws {
    let executor = try Executor(network(batch: .symbolic("n")), on: ReferenceBackend.shared)
    for batch in [1, 3] {
      let result = try executor.run(["x": counting([batch, 1, 4, 4])])
      #expect(result["flat"]?.shape == [batch, 32])
    }
    let fixed = try Executor(network(batch: .fixed(1)), on: ReferenceBackend.shared)
    #expect(fixed.graph.batchDimension == .fixed(1))
    #expect(message(.invalid) { _ = try fixed.run(["x": counting([2, 1, 4, 4])]) } != nil)
  }

  @Test func samplesDoNotDependOnTheBatch() throws {
    let executor = try Executor(network(batch: .unknown), on: ReferenceBackend.shared)
    let whole = try #require(try executor.run(["x": counting([2, 1, 4, 4])])["flat"])
    let second = Tensor((16..<32).map { Float($0) }, shape: [1, 1, 4, 4])
    let alone = try #require(try executor.run(["x": second])["flat"])
    #expect(Array(whole.array(of: Float.self)[32...]) == alone.array(of: Float.self))
  }

  @Test func observesWhatIsAskedForAndNothingElse() throws {
    let executor = try Executor(network(batch: .unknown), on: ReferenceBackend.shared)
    let seen = Mutex<[String: [Int]]>([:])
    _ = try executor.run(["x": counting([1, 1, 4, 4])], observing: ["x", "c", "target"]) {
      name, value in seen.withLock { $0[name] = value.shape }
    }
    #expect(seen.withLock { $0 } == ["x": [1, 1, 4, 4], "c": [1, 2, 4, 4], "target": [2]])
  }

  @Test func valuesAreReleasedOnceAfterTheirLastReader() throws {
    var plan = try ExecutionPlan(network(batch: .unknown))
    plan.findReleases(keeping: [try #require(plan.numbers["flat"])])
    var released: [String: Int] = [:]
    for (index, step) in plan.steps.enumerated() {
      for number in step.releases {
        #expect(released.updateValue(index, forKey: plan.names[number]) == nil)
      }
    }
    #expect(released["flat"] == nil)
    for name in ["x", "c", "r", "target", "shape", "n", "w"] {
      let number = try #require(plan.numbers[name])
      let last = plan.steps.lastIndex { $0.inputs.contains(number) }
      #expect(released[name] == last)
    }
  }

  @Test func constantsAreFoldedWithTheSameResult() throws {
    let codes = Tensor((0..<600).map { Int8($0 % 127) }, shape: [600])
    var graph = Graph(
      opsets: ["": 13],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(600)])],
      outputs: [
        ValueInfo(name: "y", elementType: .float32), ValueInfo(name: "w", elementType: .float32),
      ],
      initializers: ["q": codes, "s": Tensor(scalar: Float(0.5))],
      nodes: [
        Node("DequantizeLinear", inputs: ["q", "s"], outputs: ["w"]),
        Node("Mul", inputs: ["x", "w"], outputs: ["y"]),
      ])
    let x = counting([600])
    let folded = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
    graph.initializers["q"] = nil
    graph.inputs.append(ValueInfo(name: "q", elementType: .int8))
    let computed = try Executor(graph, on: ReferenceBackend.shared).run(["x": x, "q": codes])
    #expect(folded == computed)
    #expect(folded["w"]?.shape == [600])
  }

  @Test func smallConstantArithmeticStaysOnTheHost() throws {
    let operand = Operand<ShapeBackend>(Tensor([Int64(1), 2]))
    let reader = NodeReader(
      node: Node("Concat", inputs: ["a", "a"], outputs: ["b"], attributes: ["axis": .int(0)]),
      opset: 13)
    let result = try Concat(reader).run(
      [operand, operand], on: ShapeBackend(), label: reader.label)
    // A backend that knows shapes only could not have computed the numbers.
    #expect(try result[0]?.tensor(from: ShapeBackend()) == Tensor([Int64(1), 2, 1, 2]))
  }

  @Test func analysisFollowsShapesAndCountsMultiplications() throws {
    let analysis = try GraphAnalysis(of: network(batch: .symbolic("n")), extents: ["n": 5])
    #expect(analysis.shapes["flat"]?.shape == [5, 32])
    #expect(analysis.shapes["target"]?.shape == [2])
    #expect(analysis.parameters == 18 + 3)
    let conv = try #require(analysis.nodes.first { $0.node.operatorType == "Conv" })
    #expect(conv.multiplications == 5 * 2 * 16 * 9)
    #expect(conv.parameters == 18)
    #expect(analysis.nodes.allSatisfy { $0.problem == nil })
  }

  @Test func analysisSaysWhereShapesDependOnValues() throws {
    let graph = Graph(
      opsets: ["": 13],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(4)])],
      outputs: [ValueInfo(name: "y", elementType: .int64)],
      nodes: [
        Node("NonZero", inputs: ["x"], outputs: ["y"]),
        Node("Other", inputs: ["x"], outputs: ["z"]),
      ])
    let analysis = try GraphAnalysis(of: graph)
    #expect(analysis.nodes[0].problem?.contains("depends on values") == true)
    #expect(analysis.nodes[1].problem?.contains("Other") == true)
    #expect(analysis.shapes["y"] == nil)
  }
}
