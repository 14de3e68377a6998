import Execution
import Graph
import OpenCLBackend
import OperationCases
import Operations
import Tensors
import Training

extension BenchmarkRun {
  /// Images of the step that is held against the reference's.
  private static let checkedBatch = 2
  private static let classes = 10
  private static let rate: Float = 1e-3

  /// A whole step of training: forward, backward and update, with fake quantization.
  func training(_ network: TrainingNetwork, _ name: String) throws -> BenchmarkResult {
    let before = backend.hostOperations
    guard try steps(network, on: backend) == steps(network, on: ReferenceBackend.shared) else {
      throw WrongResult(name: name)
    }
    var trainer = try Self.trainer(network, batch: settings.batch, on: backend)
    let (x, target) = Self.images(of: network, count: settings.batch)
    func step() throws {
      _ = try trainer.advance(["x": x], target: target, rate: Self.rate)
      try backend.finish()
    }
    try step()
    let turns = try turns(step) { try ceilings.floats.measure() }
    var result = BenchmarkResult(
      name: name, seconds: turns.seconds, work: Double(settings.batch), unit: "images/s")
    // The backward pass multiplies twice as often as the forward pass.
    let multiplications = 3 * Double(network.multiplications)
    result.operations = 2 * multiplications * Double(settings.batch)
    result.bytes = try Self.bytes(of: trainer.step)
    result.ceiling = turns.ceiling * 1e9 / multiplications
    result.ceilingName = ceilings.floats.name
    result.bandwidth = ceilings.bandwidth
    result.isOnReference = backend.hostOperations != before
    return result
  }

  /// Bytes that the operations of a step read and write, each tensor once an operation.
  private static func bytes(of step: StepGraph) throws -> Double {
    let shapes = try GraphAnalysis(of: step.graph).shapes
    let moving = step.graph.nodes.filter {
      !["Reshape", "Flatten", "Identity"].contains($0.operatorType)
    }
    return moving.flatMap { $0.inputs + $0.outputs }.reduce(0) { total, name in
      guard let value = shapes[name] else { return total }
      return total + Double(value.shape.reduce(value.elementType.byteCount, *))
    }
  }

  /// The losses of two steps and the parameters behind them.
  private func steps<B: Backend>(_ network: TrainingNetwork, on backend: B) throws -> [Tensor] {
    var trainer = try Self.trainer(network, batch: Self.checkedBatch, on: backend)
    let (x, target) = Self.images(of: network, count: Self.checkedBatch)
    let losses = try (0..<2).map { _ in
      try trainer.advance(["x": x], target: target, rate: Self.rate).loss
    }
    return [Tensor(losses), trainer.step.parameters.vector(of: try trainer.trainedModel())]
  }

  private static func trainer<B: Backend>(
    _ network: TrainingNetwork, batch: Int, on backend: B
  ) throws -> Trainer<B> {
    try Trainer(
      network.graph, batch: batch, loss: .crossEntropy, optimizer: Optimizer(.momentum(0.9)),
      on: backend)
  }

  private static func images(
    of network: TrainingNetwork, count: Int
  ) -> (x: Tensor, target: Tensor) {
    var samples = SampleValues(seed: 5)
    let targets = (0..<count).flatMap { image in
      (0..<classes).map { $0 == image * 7 % classes ? Float(1) : 0 }
    }
    return (samples.floats([count] + network.image), Tensor(targets, shape: [count, classes]))
  }
}
