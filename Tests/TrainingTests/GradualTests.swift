import Graph
import Operations
import PostTraining
import Tensors
import Testing

@testable import Training

/// Layers that are quantized one after the other before codes are settled.
@Suite struct GradualTests {
  private func settings(
    _ schedule: Schedule, _ change: (inout QuantizedTrainingSettings) -> Void = { _ in }
  ) -> QuantizedTrainingSettings {
    Quarters.settings(schedule) {
      $0.unfrozen = .quantized
      $0.quantizesGradually = true
      $0.learnsScales = true
      change(&$0)
    }
  }

  private func advance(
    _ session: inout QuantizedSession<ReferenceBackend>, _ numbers: Range<Int>
  ) throws {
    for number in numbers {
      let (x, target) = Quarters.samples(number)
      _ = try session.advance(["x": x], target: target, rate: 0.02)
    }
  }

  /// Before its stage a layer and what it alone reads are floats, behind it they are quantized in every step.
  @Test(arguments: [Schedule.direct, .layer, .neuron(groups: 2)])
  func aStageALayer(_ schedule: Schedule) throws {
    var session = try Quarters.session(settings(schedule), on: ReferenceBackend.shared)
    let labels = ["conv1", "conv2", "head"]
    #expect(session.stages.prefix(3).map(\.layer) == labels)
    let free = session.stages.prefix(4)
    #expect(free.dropLast().allSatisfy { $0.settlesNothing } && free.last?.layer == nil)
    for stage in 0..<4 {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      let (network, state) = (session.network, session.state)
      let joined = min(stage + 1, 3)
      #expect(
        state.weights.map { $0.allQuantizers != nil } == (0..<3).map { $0 < joined })
      for (place, activation) in network.activations.enumerated() {
        let isDue = stage == 3 || activation.firstReader <= stage
        #expect(state.coverage(of: place) == (isDue ? .all : .none), "\(activation.value)")
      }
      let quantizers = session.step.graph.nodes.filter { $0.operatorType == "FakeQuantize" }
      #expect(
        quantizers.count == joined
          + network.activations.indices.count { state.coverage(of: $0) == .all })
      let before = try session.trainer.trainedTensors()
      try advance(&session, stage * 2..<stage * 2 + 2)
      let after = try session.trainer.trainedTensors()
      for layer in network.layers {
        #expect(before[layer.weights.name] != after[layer.weights.name])
      }
    }
  }

  /// What has not joined yet cannot be written, and what is measured on the way computes it in float.
  @Test func isMeasuredOnTheWay() throws {
    var session = try Quarters.session(settings(.layer), on: ReferenceBackend.shared)
    for stage in 0..<2 {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      try advance(&session, 0..<2)
      let error = try #require(throws: GraphError.self) { try session.exportedModel() }
      #expect(error.description.contains(stage == 0 ? "conv2" : "head"))
      #expect(try Quarters.outputs(of: session.evaluatedModel()).count == 18)
    }
  }

  @Test(arguments: [Schedule.direct, .filter(groups: 2)])
  func trainsAndWritesWhatItMeasures(_ schedule: Schedule) throws {
    try Quarters.expectTrainsAndWritesWhatItMeasures(settings(schedule))
  }

  /// Normalizations that are kept are computed in float before their layer joins.
  @Test func normalizationsMayBeKept() throws {
    var session = try Quarters.session(
      settings(.filter(groups: 2)) { $0.normalization = .keep }, of: Quarters.normalizedNetwork,
      on: ReferenceBackend.shared)
    _ = try Quarters.train(&session, steps: 3)
    let measured = try Quarters.outputs(of: session.evaluatedModel())
    #expect(try measured == Quarters.outputs(of: session.exportedModel()))
  }

  @Test func whatCannotWaitIsRefused() throws {
    let contradictions: [(QuantizedTrainingSettings, String)] = [
      (settings(.layer) { $0.unfrozen = .float }, "portions do that already"),
      (settings(.filter(groups: 2)) { $0.order = .oscillation }, "oscillation"),
      (
        settings(.direct) {
          $0.learnsScales = false
          $0.followsMagnitudes = true
        }, "running ranges"
      ),
      (settings(.direct) { $0.accumulator = AccumulatorTraining(bits: 16) }, "accumulators"),
    ]
    for (settings, words) in contradictions {
      let error = try #require(throws: SettingsError.self) { try settings.validate() }
      #expect(
        error.description.contains(words) && error.description.contains("one after the other"))
    }
  }
}
