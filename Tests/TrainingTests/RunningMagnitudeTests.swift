import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

@testable import Training

@Suite struct RunningMagnitudeTests {
  private static var settings: QuantizedTrainingSettings {
    Quarters.settings(.direct) {
      $0.followsMagnitudes = true
      $0.quantization.activations.range = .minmax
    }
  }

  /// The average of a step is a hundredth of the batch's largest magnitude and the rest of the old one,
  /// and the step quantizes by the old one.
  @Test func scalesFollowTheLargestMagnitudes() throws {
    var session = try Quarters.session(Self.settings, on: ReferenceBackend.shared)
    try session.begin(stage: 0, calibration: Quarters.calibration)
    let group = try #require(session.network.activations.first { $0.value == "r1" }?.group)
    let members = session.network.activations.filter { $0.group == group }.map(\.value)
    let name = RunningMagnitude.name(ofGroup: group)
    let levels = 3
    for number in 0..<4 {
      let before = try session.trainer.statistic(name).array(of: Float.self)[0]
      let quantizer = try #require(session.now().state.plan.values["r1"]?.quantizer)
      #expect(quantizer.zeroPoint == 0 && quantizer.scale == before / Float(levels))
      let (x, target) = Quarters.samples(number)
      var graph = try FakeQuantizedGraph(
        session.network, session.now().state, current: nil,
        graph: session.network.closed.replacingInitializers(session.now().tensors)
      ).graph
      graph.outputs = (members.map { "\($0)\0raw" } + ["r1"]).map {
        ValueInfo(name: $0, elementType: .float32)
      }
      graph.nodes = try graph.sortedNodes()
      graph.removeDeadNodes()
      let results = try Executor(graph, on: ReferenceBackend.shared).run(["x": x])
      let raw = members.flatMap { results["\($0)\0raw"]?.array(of: Float.self) ?? [] }
      let quantized = try #require(results["r1"]).array(of: Float.self)
      #expect(Set(quantized).isSubset(of: Set((0...levels).map { quantizer.scale * Float($0) })))
      // Much larger inputs: what follows is seen to move.
      let large = Tensor(x.array(of: Float.self).map { $0 * 4 }, shape: x.shape)
      _ = try session.advance(["x": number == 3 ? large : x], target: target, rate: 0.01)
      let after = try session.trainer.statistic(name).array(of: Float.self)[0]
      guard number < 3 else {
        #expect(after > before)
        continue
      }
      let largest = raw.map(abs).reduce(0, max)
      #expect(after == before * (1 - 0.01) + largest * 0.01)
    }
  }

  @Test func trainsAndWritesWhatItMeasures() throws {
    var session = try Quarters.session(Self.settings, on: ReferenceBackend.shared)
    let losses = try Quarters.train(&session, steps: 60)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2)
    let exported = try session.exportedModel()
    let measured = try Quarters.outputs(of: session.evaluatedModel())
    #expect(try measured == Quarters.outputs(of: exported) && measured.count == 18)
    var resumed = try Quarters.session(Self.settings, on: ReferenceBackend.shared)
    try resumed.restore(session.checkpoint())
    let again = try resumed.exportedModel()
    #expect(again == exported)
  }

  /// Where values were below 0 the zero point is in the middle, and the reach stays.
  @Test func zeroPointsAreAtTheEndOrInTheMiddle() {
    let signed = RunningMagnitude.centred(Quantizer(scale: 0.5, zeroPoint: 3, levels: 16))
    #expect(signed == Quantizer(scale: 12 * 0.5 / 7, zeroPoint: 8, levels: 16))
    let rectified = RunningMagnitude.centred(Quantizer(scale: 0.5, zeroPoint: 0, levels: 16))
    #expect(rectified == Quantizer(scale: 0.5, zeroPoint: 0, levels: 16))
  }

  @Test func isRefusedWhereScalesAreOtherwise() throws {
    var learned = Self.settings
    learned.learnsScales = true
    var gradual = Self.settings
    gradual.schedule = .layer
    for settings in [learned, gradual] {
      let error = try #require(throws: SettingsError.self) { try settings.validate() }
      #expect(error.description.contains("running ranges"))
    }
  }
}
