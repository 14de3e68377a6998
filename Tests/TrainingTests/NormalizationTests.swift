import Execution
import Graph
import Operations
import Tensors
import Testing

@testable import Training

@Suite struct NormalizationTests {
  /// Two samples of one number: mean 2, variance 1, and with 3 under the root all is exact.
  @Test func normalizesByTheBatchAndKeepsAverages() throws {
    let graph = Graph(
      opsets: ["": 21], inputs: [SmallNetworks.input([.symbolic("n"), .fixed(1)])],
      outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: [
        "s": Tensor([2] as [Float]), "b": Tensor([1] as [Float]), "m": Tensor([4] as [Float]),
        "v": Tensor([8] as [Float]),
      ],
      nodes: [
        Node(
          "BatchNormalization", inputs: ["x", "s", "b", "m", "v"], outputs: ["y"],
          attributes: ["epsilon": .float(3), "momentum": .float(0.5)])
      ])
    var trainer = try Trainer(
      graph, batch: 2, loss: .squaredError, optimizer: Optimizer(.momentum(0)),
      on: ReferenceBackend.shared)
    let x = Tensor([1, 3] as [Float], shape: [2, 1])
    let result = try trainer.advance(
      ["x": x], target: Tensor([0, 2] as [Float], shape: [2, 1]), rate: 0.5)
    // (x - 2) / 2 * 2 + 1
    #expect(result.output.array(of: Float.self) == [0, 2] && result.loss == 0)
    let trained = try trainer.trainedTensors()
    #expect(
      trained["m"]?.array(of: Float.self) == [3] && trained["v"]?.array(of: Float.self) == [4.5])
    // A target one lower: dL/dy = 1 for both, so the bias falls by the sum, 2, times the rate.
    _ = try trainer.advance(
      ["x": x], target: Tensor([-1, 1] as [Float], shape: [2, 1]), rate: 0.5)
    let moved = try trainer.trainedTensors()
    #expect(moved["b"]?.array(of: Float.self) == [0] && moved["s"]?.array(of: Float.self) == [2])
    #expect(moved["m"]?.array(of: Float.self) == [2.5])
  }

  /// As the operator in training mode has it.
  @Test func agreesWithTheOperator() throws {
    let shape = [3, 2, 4]
    let x = SmallNetworks.weights(shape)
    var graph = Graph(
      opsets: ["": 21],
      inputs: [SmallNetworks.input(shape.map { .fixed($0) })],
      outputs: ["y", "m2", "v2"].map { ValueInfo(name: $0, elementType: .float32) },
      initializers: [
        "s": Tensor([0.5, 2] as [Float]), "b": Tensor([1, -1] as [Float]),
        "m": Tensor([0.25, 0] as [Float]), "v": Tensor([1, 3] as [Float]),
      ],
      nodes: [
        Node(
          "BatchNormalization", inputs: ["x", "s", "b", "m", "v"], outputs: ["y", "m2", "v2"],
          attributes: ["training_mode": .int(1)])
      ])
    let expected = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
    graph.nodes[0].outputs = ["y"]
    graph.outputs = [ValueInfo(name: "y", elementType: .float32)]
    let statistics = try graph.decomposeNormalizations()
    #expect(statistics.map(\.name) == ["m", "v"])
    let names = ["y"] + statistics.map(\.next)
    graph.outputs = names.map { ValueInfo(name: $0, elementType: .float32) }
    let found = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
    for (name, other) in zip(names, ["y", "m2", "v2"]) {
      let pairs = zip(
        found[name]!.array(of: Float.self), expected[other]!.array(of: Float.self))
      // The mean of 12 numbers below 1, its square's, a root, a quotient, a product, a sum: each is
      // off by half a unit in the last place of numbers below 4.
      for (a, b) in pairs { #expect(abs(a - b) <= 2 * 30 * 0x1p-23) }
    }
  }

  /// A batch of its own, in the inputs and in a Reshape, does not hold training back.
  @Test func freesAModelOfItsBatch() throws {
    func model(_ shape: [Int64]) -> Graph {
      Graph(
        opsets: ["": 13], inputs: [SmallNetworks.input([.fixed(1), .fixed(2), .fixed(3)])],
        outputs: [ValueInfo(name: "y", elementType: .float32, shape: [.fixed(1), .fixed(2)])],
        initializers: ["shape": Tensor(shape), "w": SmallNetworks.weights([6, 2])],
        nodes: [
          Node("Reshape", inputs: ["x", "shape"], outputs: ["f"]),
          Node("MatMul", inputs: ["f", "w"], outputs: ["y"]),
        ])
    }
    for shape: [Int64] in [[1, 6], [1, -1]] {
      let closed = try model(shape).closed(batch: 4)
      let x = SmallNetworks.weights([4, 2, 3])
      let all = try Executor(closed, on: ReferenceBackend.shared).run(["x": x])["y"]!
      let rows = try (0..<4).flatMap { row in
        let part = Array(x.array(of: Float.self)[row * 6..<row * 6 + 6])
        return try Executor(model(shape), on: ReferenceBackend.shared).run([
          "x": Tensor(part, shape: [1, 2, 3])
        ])["y"]!.array(of: Float.self)
      }
      #expect(all.shape == [4, 2] && all.array(of: Float.self) == rows)
    }
    // Here the samples cannot be told apart.
    var mixed = model([1, 6])
    mixed.initializers["shape"] = Tensor([Int64(-1), 6])
    mixed.initializers["w"] = SmallNetworks.weights([6, 2])
    mixed.nodes.append(
      Node(
        "ReduceSum", inputs: ["y"], outputs: ["z"], attributes: ["keepdims": .int(0)]))
    mixed.outputs = [ValueInfo(name: "z", elementType: .float32)]
    let error = #expect(throws: GraphError.self) { try mixed.closed(batch: 4) }
    #expect(error?.description.contains("batches of 1 alone") == true)
  }

  @Test func drawsWeightsOfTheVarianceOfHe() throws {
    var graph = SmallNetworks.normalized
    graph.initializers["w1"] = SmallNetworks.weights([3, 500])
    graph.initializers["b1"] = SmallNetworks.weights([500])
    let (drawn, kept) = try graph.initialized(seed: 4)
    #expect(kept.isEmpty)
    let weights = drawn.initializers["w1"]!.array(of: Float.self)
    let bound = Float(2).squareRoot()
    #expect(weights.allSatisfy { abs($0) <= bound } && weights.contains { abs($0) > 0.9 * bound })
    // 1500 draws: the variance of the mean square is (4/5 - 4/9) / 1500, six deviations are 0.093.
    let square = weights.reduce(0) { $0 + $1 * $1 } / Float(weights.count)
    #expect(abs(square - 2 / 3) < 0.093)
    #expect(drawn.initializers["b1"]!.array(of: Float.self).allSatisfy { $0 == 0 })
    #expect(drawn.initializers["scale"]!.array(of: Float.self) == [1, 1, 1, 1])
    #expect(drawn.initializers["variance"]!.array(of: Float.self) == [1, 1, 1, 1])
    #expect(try graph.initialized(seed: 4).graph == drawn)
    #expect(try graph.initialized(seed: 5).graph != drawn)
  }
}
