import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import PostTraining
import Tensors
import Testing

@testable import Training

/// Equal bits: on devices, and after a checkpoint.
@Suite struct SessionBitsTests {
  private static let modes: [QuantizedTrainingSettings] = [
    Quarters.settings(.direct), Quarters.settings(.filter(groups: 2)),
    Quarters.settings(.neuron(groups: 3)),
    Quarters.settings(.filter(groups: 2)) {
      $0.unfrozen = .quantized
      $0.order = .oscillation
      $0.learnsScales = true
      $0.compensates = true
    },
    Quarters.settings(.filter(groups: 2)) {
      $0.unfrozen = .quantized
      $0.quantizesGradually = true
      $0.learnsScales = true
    },
    Quarters.settings(.direct) { $0.followsMagnitudes = true },
    Quarters.settings(.filter(groups: 2), levels: 16) {
      $0.unfrozen = .quantized
      $0.learnsScales = true
      $0.accumulator = AccumulatorTraining(bits: 13, constraint: .a2qPlus)
    },
    Quarters.settings(.layer, levels: 16) {
      $0.accumulator = AccumulatorTraining(bits: 13)
    },
  ]

  @Test(arguments: modes)
  func deviceTrainsToTheSameBits(_ settings: QuantizedTrainingSettings) throws {
    func train<B: Backend>(_ backend: B) throws -> (losses: [Float], Graph) {
      var session = try Quarters.session(settings, on: backend)
      let losses = try Quarters.train(&session, steps: 2)
      return (losses, try session.exportedModel())
    }
    let expected = try train(ReferenceBackend.shared)
    for device in (try? Device.all()) ?? [] {
      let found = try train(OpenCLBackend(device))
      #expect(found.losses == expected.losses)
      #expect(found.1 == expected.1)
    }
  }

  @Test(arguments: modes)
  func goesOnFromACheckpoint(_ settings: QuantizedTrainingSettings) throws {
    func advance(_ session: inout QuantizedSession<ReferenceBackend>, from step: Int) throws {
      for number in step..<step + 3 {
        let (x, target) = Quarters.samples(number)
        _ = try session.advance(["x": x], target: target, rate: 0.02)
      }
    }
    func finish(_ session: inout QuantizedSession<ReferenceBackend>, after stage: Int) throws {
      try advance(&session, from: 10)
      for next in session.stages.indices.dropFirst(stage + 1) {
        try session.begin(stage: next, calibration: Quarters.calibration)
        try advance(&session, from: 20 + next)
      }
    }
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    // In the middle of a layer, where there are several portions.
    let stage = min(2, session.stages.count - 1)
    for index in 0...stage {
      try session.begin(stage: index, calibration: Quarters.calibration)
      try advance(&session, from: index)
    }
    let checkpoint = try session.checkpoint()
    #expect(checkpoint.keys.allSatisfy { !$0.hasPrefix("run/") })
    var resumed = try Quarters.session(settings, on: ReferenceBackend.shared)
    try resumed.restore(checkpoint)
    #expect(try resumed.checkpoint() == checkpoint)
    try finish(&session, after: stage)
    try finish(&resumed, after: stage)
    #expect(try resumed.checkpoint() == session.checkpoint())
    #expect(try resumed.exportedModel() == session.exportedModel())
  }

  @Test func refusesCheckpointsOfOthers() throws {
    let neurons = try Quarters.session(
      Quarters.settings(.neuron(groups: 3)), on: ReferenceBackend.shared)
    let checkpoint = try neurons.checkpoint()
    var other = try Quarters.session(
      Quarters.settings(.direct), optimizer: Optimizer(.momentum(0.9)), on: ReferenceBackend.shared)
    for name in checkpoint.keys {
      var damaged = checkpoint
      damaged[name] = Tensor([Float(1), 2, 3, 4, 5, 6, 7])
      // Of plain momentum only the first vector of state is read.
      guard name != "trainer/state_1" else { continue }
      let error = #expect(throws: GraphError.self) { try other.restore(damaged) }
      #expect(error?.description.contains("checkpoint") == true, "\(name)")
    }
  }

  @Test func settledWeightsThatMovedAreFound() throws {
    var session = try Quarters.session(Quarters.settings(.layer), on: ReferenceBackend.shared)
    try session.begin(stage: 0, calibration: Quarters.calibration)
    var values = try session.trainer.parameterVector().array(of: Float.self)
    values[0] = values[0].nextUp
    try session.trainer.setParameters(Tensor(values))
    let error = try #require(throws: GraphError.self) {
      try session.begin(stage: 1, calibration: Quarters.calibration)
    }
    #expect(error.description.contains("conv1") && error.description.contains("settled"))
  }
}
