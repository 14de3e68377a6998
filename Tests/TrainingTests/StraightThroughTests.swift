import Graph
import Operations
import PostTraining
import Tensors
import Testing

@testable import Training

/// Which parameters a step moves, by which quantizers derivatives pass.
@Suite struct StraightThroughTests {
  /// The names of the parameters that a step of stage `stage` moves; preparation makes b3 `y_bias`.
  ///
  /// The step is plain gradient descent: what has no gradient stays where it is.
  private func moved(
    _ schedule: Schedule, stage: Int, _ straightThrough: StraightThrough,
    _ freezing: Freezing = .weights
  ) throws -> Set<String> {
    let settings = Quarters.settings(schedule, levels: 8) {
      $0.straightThrough = straightThrough
      $0.freezing = freezing
    }
    var session = try Quarters.session(
      settings, optimizer: Optimizer(.momentum(0)), on: ReferenceBackend.shared)
    for index in 0...stage { try session.begin(stage: index, calibration: Quarters.calibration) }
    let before = try session.trainer.trainedTensors()
    let (x, target) = Quarters.samples(0)
    _ = try session.advance(["x": x], target: target, rate: 0.5)
    let after = try session.trainer.trainedTensors()
    return Set(before.keys.filter { before[$0] != after[$0] })
  }

  /// While conv2 is quantized, the quantizer between it and conv1 stands before it, and none behind.
  @Test func intoTheLayerBefore() throws {
    let upper: Set = ["b2", "w3", "y_bias"]
    for schedule in [Schedule.layer, .filter(groups: 1)] {
      #expect(try moved(schedule, stage: 1, .all) == upper.union(["b1"]))
      #expect(try moved(schedule, stage: 1, .previous) == upper.union(["b1"]))
      #expect(try moved(schedule, stage: 1, .none) == upper)
    }
  }

  /// While the head is quantized, its input's quantizer is the last one; conv2's own result is
  /// quantized before the sum.
  @Test func notBeyondTheLayerBefore() throws {
    #expect(try moved(.layer, stage: 2, .all) == ["b1", "b2", "y_bias"])
    #expect(try moved(.layer, stage: 2, .previous) == ["y_bias"])
    #expect(try moved(.layer, stage: 2, .none) == ["y_bias"])
  }

  /// Channels that are not quantized yet let everything pass.
  @Test func openChannelsLetDerivativesPass() throws {
    // Two of conv1's five filters are quantized, and their channels.
    #expect(
      try moved(.neuron(groups: 2), stage: 0, .all) == ["w1", "b1", "w2", "b2", "w3", "y_bias"])
    #expect(
      try moved(.neuron(groups: 2), stage: 0, .none) == ["w1", "b1", "w2", "b2", "w3", "y_bias"])
    // All of them.
    #expect(try moved(.neuron(groups: 2), stage: 1, .all) == ["b1", "w2", "b2", "w3", "y_bias"])
    #expect(try moved(.neuron(groups: 2), stage: 1, .none) == ["w2", "b2", "w3", "y_bias"])
  }

  @Test func everythingStandsStillWhereAsked() throws {
    #expect(try moved(.layer, stage: 1, .all, .everything) == ["w3", "y_bias"])
    #expect(try moved(.layer, stage: 2, .all, .everything) == [])
  }
}
