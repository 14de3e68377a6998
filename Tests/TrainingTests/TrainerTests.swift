import Execution
import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Tensors
import Testing
import Training

@Suite struct TrainerTests {
  /// A convolution, a pool, a product: three classes of 8 x 8 images of a bright quarter.
  private static var network: Graph {
    func weights(_ shape: [Int]) -> Tensor {
      let count = shape.reduce(1, *)
      return Tensor(
        (0..<count).map { Float(($0 * 37 + count) % 41 - 20) / 80 }, shape: shape)
    }
    return Graph(
      opsets: ["": 21],
      inputs: [
        ValueInfo(
          name: "x", elementType: .float32,
          shape: [.symbolic("n"), .fixed(1), .fixed(8), .fixed(8)])
      ], outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: [
        "w1": weights([4, 1, 3, 3]), "b1": weights([4]), "w2": weights([3, 64]),
        "b2": weights([3]),
      ],
      nodes: [
        Node(
          "Conv", inputs: ["x", "w1", "b1"], outputs: ["c"],
          attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node("Relu", inputs: ["c"], outputs: ["r"]),
        Node(
          "MaxPool", inputs: ["r"], outputs: ["p"],
          attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
        Node("Flatten", inputs: ["p"], outputs: ["f"]),
        Node(
          "Gemm", inputs: ["f", "w2", "b2"], outputs: ["l"], attributes: ["transB": .int(1)]),
        Node("Softmax", inputs: ["l"], outputs: ["y"]),
      ])
  }

  private static func batch(_ number: Int) -> (x: Tensor, target: Tensor) {
    let classes = (0..<6).map { ($0 + number) % 3 }
    let pixels = classes.enumerated().flatMap { sample, kind in
      (0..<64).map { pixel -> Float in
        let noise = Float((pixel * 29 + sample * 13 + number * 7) % 17) / 34
        let isBright = pixel / 8 / 4 == kind / 2 && pixel % 8 / 4 == kind % 2
        return isBright ? 1 : noise
      }
    }
    let targets = classes.flatMap { kind in (0..<3).map { $0 == kind ? Float(1) : 0 } }
    return (Tensor(pixels, shape: [6, 1, 8, 8]), Tensor(targets, shape: [6, 3]))
  }

  private static let optimizers = [
    Optimizer(.momentum(0.9), weightDecay: 1e-3), Optimizer(.adam(), weightDecay: 0.01),
    Optimizer(.momentum(0.8), maximumNorm: 0.5),
  ]

  private func train<B: Backend>(
    _ optimizer: Optimizer, steps: Int, on backend: B
  ) throws -> (losses: [Float], model: Graph) {
    var trainer = try Trainer(
      Self.network, batch: 6, loss: .crossEntropy, optimizer: optimizer, on: backend)
    let losses = try (0..<steps).map { number in
      let (x, target) = Self.batch(number)
      return try trainer.advance(["x": x], target: target, rate: 0.05).loss
    }
    return (losses, try trainer.trainedModel())
  }

  @Test(arguments: optimizers)
  func learnsToTellQuarters(_ optimizer: Optimizer) throws {
    let (losses, model) = try train(optimizer, steps: 40, on: ReferenceBackend.shared)
    // Guessing among three classes costs log 3.
    #expect(losses.last! < 0.55 && losses.last! < losses[0] / 2)
    let (x, target) = Self.batch(1)
    let y = try Executor(model, on: ReferenceBackend.shared).run(["x": x])["y"]
    let rows = try #require(y).array(of: Float.self)
    let wanted = target.array(of: Float.self)
    for sample in 0..<6 {
      let range = sample * 3..<sample * 3 + 3
      #expect(
        range.max { rows[$0] < rows[$1] } == range.first { wanted[$0] == 1 })
    }
  }

  @Test(arguments: optimizers)
  func deviceTrainsToTheSameBits(_ optimizer: Optimizer) throws {
    let expected = try train(optimizer, steps: 4, on: ReferenceBackend.shared)
    for device in (try? Device.all()) ?? [] {
      let found = try train(optimizer, steps: 4, on: OpenCLBackend(device))
      #expect(found.losses == expected.losses)
      #expect(found.model.initializers == expected.model.initializers)
    }
  }

  /// One step by hand: with momentum 0.9, no decay, velocity is the gradient and then 0.9 of it more.
  @Test func movesByTheRule() throws {
    let graph = Graph(
      opsets: ["": 21],
      inputs: [
        ValueInfo(name: "x", elementType: .float32, shape: [.symbolic("n"), .fixed(2)])
      ], outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: ["w": Tensor([Float(1), -2], shape: [2, 1])],
      nodes: [Node("MatMul", inputs: ["x", "w"], outputs: ["y"])])
    var trainer = try Trainer(
      graph, batch: 1, loss: .squaredError, optimizer: Optimizer(.momentum(0.5)),
      on: ReferenceBackend.shared)
    let x = Tensor([Float(2), 1], shape: [1, 2])
    // y = 0, the derivative of (y - 1)^2 is -2: gradient [-4, -2].
    var result = try trainer.advance(
      ["x": x], target: Tensor([Float(1)], shape: [1, 1]), rate: 0.125)
    #expect(result.loss == 1)
    #expect(try trainer.trainedModel().initializers["w"]?.array(of: Float.self) == [1.5, -1.75])
    // y = 1.25, gradient [1, 0.5], velocity [-1, -0.5].
    result = try trainer.advance(
      ["x": x], target: Tensor([Float(1)], shape: [1, 1]), rate: 0.125)
    #expect(result.loss == 0.0625)
    #expect(
      try trainer.trainedModel().initializers["w"]?.array(of: Float.self) == [1.625, -1.6875])
  }

  @Test func masksHoldElementsStill() throws {
    var trainer = try Trainer(
      Self.network, batch: 6, loss: .crossEntropy, optimizer: Optimizer(.adam()),
      on: ReferenceBackend.shared)
    let part = try #require(trainer.step.parameters.parts.first { $0.name == "w1" })
    // The second of four filters.
    let held = part.start + 9..<part.start + 18
    try trainer.setTrainable(
      Tensor((0..<trainer.step.parameters.count).map { !held.contains($0) }))
    for number in 0..<3 {
      let (x, target) = Self.batch(number)
      _ = try trainer.advance(["x": x], target: target, rate: 0.02)
    }
    let before = try #require(Self.network.initializers["w1"]).array(of: Float.self)
    let after = try #require(try trainer.trainedModel().initializers["w1"]).array(of: Float.self)
    for index in before.indices {
      #expect((before[index] == after[index]) == (9..<18).contains(index))
    }
  }

  @Test func stopsAtALossThatIsNoNumber() throws {
    var trainer = try Trainer(
      Self.network, batch: 6, loss: .crossEntropy, optimizer: Optimizer(.momentum(0)),
      on: ReferenceBackend.shared)
    let x = Tensor(repeating: Float.nan, shape: [6, 1, 8, 8])
    let error = try #require(throws: LossNotFinite.self) {
      try trainer.advance(["x": x], target: Self.batch(0).target, rate: 0.1)
    }
    #expect(error.loss.isNaN && error.step == 1)
    #expect(try trainer.trainedModel().initializers == Self.network.initializers)
  }

  @Test func refusesAModelWithoutParameters() throws {
    let graph = Graph(
      opsets: ["": 21],
      inputs: [ValueInfo(name: "x", elementType: .float32, shape: [.fixed(1), .fixed(2)])],
      outputs: [ValueInfo(name: "y", elementType: .float32)],
      nodes: [Node("Relu", inputs: ["x"], outputs: ["y"])])
    let error = try #require(throws: GraphError.self) {
      try Trainer(
        graph, batch: 1, loss: .squaredError, optimizer: Optimizer(.momentum(0)),
        on: ReferenceBackend.shared)
    }
    #expect(error.description.contains("no parameter"))
  }
}
