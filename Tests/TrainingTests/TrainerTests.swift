import Execution
import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import Tensors
import Testing
import Training

@Suite struct TrainerTests {
  private static let optimizers = [
    Optimizer(.momentum(0.9), weightDecay: 1e-3), Optimizer(.adam(), weightDecay: 0.01),
    Optimizer(.momentum(0.8), maximumNorm: 0.5),
    Optimizer(.adam(), weightDecay: 0.01, usesRelativeSteps: true),
  ]

  private func train<B: Backend>(
    _ optimizer: Optimizer, steps: Int, on backend: B
  ) throws -> (losses: [Float], model: Graph) {
    var trainer = try Trainer(
      Quarters.shallowNetwork, batch: 6, loss: .crossEntropy, optimizer: optimizer, on: backend)
    let losses = try (0..<steps).map { number in
      let (x, target) = Quarters.samples(number)
      return try trainer.advance(["x": x], target: target, rate: 0.05).loss
    }
    return (losses, try trainer.trainedModel())
  }

  @Test(arguments: optimizers)
  func learnsToTellQuarters(_ optimizer: Optimizer) throws {
    let (losses, model) = try train(optimizer, steps: 40, on: ReferenceBackend.shared)
    // Guessing among three classes costs log 3.
    #expect(losses.last! < 0.55 && losses.last! < losses[0] / 2)
    let (x, target) = Quarters.samples(1)
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

  /// Inputs 256 times as large and weights that much smaller are the same network, and relative steps
  /// train it to the same losses: factors of powers of two change no bit.
  @Test(arguments: [
    Optimizer(.momentum(0.9), weightDecay: 0.015625, usesRelativeSteps: true),
    Optimizer(.momentum(0.9), maximumNorm: 0.125, usesRelativeSteps: true),
    Optimizer(.adam(), weightDecay: 0.01, usesRelativeSteps: true),
  ])
  func relativeStepsDoNotSeeTheUnitsOfInputs(_ optimizer: Optimizer) throws {
    func train(inputs factor: Float, _ optimizer: Optimizer) throws -> (losses: [Float], w: [Float])
    {
      func times(_ tensor: Tensor, _ factor: Float) -> Tensor {
        Tensor(tensor.array(of: Float.self).map { $0 * factor }, shape: tensor.shape)
      }
      var graph = Quarters.shallowNetwork
      graph.initializers["w1"] = times(graph.initializers["w1"]!, 1 / factor)
      var trainer = try Trainer(
        graph, batch: Quarters.batch, loss: .crossEntropy, optimizer: optimizer,
        on: ReferenceBackend.shared)
      let losses = try (0..<8).map { number in
        let (x, target) = Quarters.samples(number)
        return try trainer.advance(["x": times(x, factor)], target: target, rate: 0.05).loss
      }
      return (losses, times(try trainer.trainedTensors()["w1"]!, factor).array(of: Float.self))
    }
    let bytes = try train(inputs: 256, optimizer)
    let shares = try train(inputs: 1, optimizer)
    #expect(bytes.losses == shares.losses && bytes.w == shares.w)
    #expect(shares.losses.last! < shares.losses[0])
    // What is said here is not true of steps of one size for all.
    var absolute = optimizer
    absolute.usesRelativeSteps = false
    #expect(try train(inputs: 256, absolute).losses != train(inputs: 1, absolute).losses)
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
      Quarters.shallowNetwork, batch: 6, loss: .crossEntropy, optimizer: Optimizer(.adam()),
      on: ReferenceBackend.shared)
    let part = try #require(trainer.step.parameters.parts.first { $0.name == "w1" })
    // The second of five filters.
    let held = part.start + 9..<part.start + 18
    try trainer.setTrainable(
      Tensor((0..<trainer.step.parameters.count).map { !held.contains($0) }))
    for number in 0..<3 {
      let (x, target) = Quarters.samples(number)
      _ = try trainer.advance(["x": x], target: target, rate: 0.02)
    }
    let before = try #require(Quarters.shallowNetwork.initializers["w1"]).array(of: Float.self)
    let after = try #require(try trainer.trainedModel().initializers["w1"]).array(of: Float.self)
    for index in before.indices {
      #expect((before[index] == after[index]) == (9..<18).contains(index))
    }
  }

  @Test func stopsAtALossThatIsNoNumber() throws {
    var trainer = try Trainer(
      Quarters.shallowNetwork, batch: 6, loss: .crossEntropy, optimizer: Optimizer(.momentum(0)),
      on: ReferenceBackend.shared)
    let x = Tensor(repeating: Float.nan, shape: [6, 1, 8, 8])
    let error = try #require(throws: LossNotFinite.self) {
      try trainer.advance(["x": x], target: Quarters.samples(0).target, rate: 0.1)
    }
    #expect(error.loss.isNaN && error.step == 1)
    #expect(try trainer.trainedModel().initializers == Quarters.shallowNetwork.initializers)
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
