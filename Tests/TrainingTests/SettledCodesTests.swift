import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

@testable import Training

/// Weights that are coded in every step until their codes are settled.
@Suite struct SettledCodesTests {
  static let schedules: [Schedule] = [.layer, .filter(groups: 2), .neuron(groups: 100)]

  private func settings(
    _ schedule: Schedule, _ change: (inout QuantizedTrainingSettings) -> Void = { _ in }
  ) -> QuantizedTrainingSettings {
    Quarters.settings(schedule) {
      $0.unfrozen = .quantized
      $0.learnsScales = true
      change(&$0)
    }
  }

  /// The code and the scale of each weight of settled filters as the step computes them: from the
  /// parameters and the scales of now.
  private func settledCodes(
    of session: QuantizedSession<ReferenceBackend>
  ) throws -> [String: (code: Int, scale: Float)] {
    let state = try session.now().state
    let graph = try session.network.closed.replacingInitializers(session.now().tensors)
    var found: [String: (code: Int, scale: Float)] = [:]
    for (layer, codes) in zip(session.network.layers, state.weights) {
      let weights = graph.weights(of: layer).array(of: Float.self)
      for filter in codes.isFrozen.indices where codes.isFrozen[filter] {
        let row = layer.sharesQuantizer ? 0 : filter
        let quantizer = try #require(codes.quantizers[row])
        for place in FilterPlaces(layer).places(of: [filter]) {
          found["\(layer.weights.name) \(place)"] = (
            quantizer.code(of: weights[place]), quantizer.scale
          )
        }
      }
    }
    return found
  }

  /// After every step; the step itself is one graph in all stages. Scales of settled codes are trained
  /// on where only weights stand still.
  @Test(arguments: schedules, Freezing.allCases)
  func settledCodesNeverMove(_ schedule: Schedule, _ freezing: Freezing) throws {
    func isKept(_ now: (code: Int, scale: Float), _ then: (code: Int, scale: Float)) -> Bool {
      now.code == then.code && (freezing == .weights || now.scale == then.scale)
    }
    let settings = settings(schedule) {
      $0.freezing = freezing
      $0.compensates = freezing == .everything
    }
    var session = try Quarters.session(
      settings, optimizer: Optimizer(.adam(), weightDecay: 0.1), on: ReferenceBackend.shared)
    var settled: [String: (code: Int, scale: Float)] = [:]
    var counts: [Int] = []
    var step: Graph?
    for stage in session.stages.indices {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      step = step ?? session.step.graph
      #expect(session.step.graph == step)
      let before = try settledCodes(of: session)
      #expect(settled.allSatisfy { isKept(before[$0.key]!, $0.value) })
      settled = before
      counts.append(settled.count)
      var last = try session.trainer.parameterVector()
      for number in 0..<2 {
        let (x, target) = Quarters.samples(stage + number)
        _ = try session.advance(["x": x], target: target, rate: 0.05)
        let now = try settledCodes(of: session)
        #expect(settled.allSatisfy { isKept(now[$0.key]!, $0.value) })
        #expect(
          settled.isEmpty || freezing == .everything
            || settled.contains { now[$0.key]!.scale != $0.value.scale })
        let vector = try session.trainer.parameterVector()
        #expect(vector != last)
        last = vector
      }
    }
    #expect(session.stages[0].settlesNothing && counts[0] == 0)
    #expect(counts == counts.sorted() && Set(counts).count == counts.count)
    #expect(counts.last == 45 + 225 + 240)
  }

  /// The first stage is what direct training is, bit for bit.
  @Test(arguments: [false, true])
  func beginsAsDirectTraining(_ learnsScales: Bool) throws {
    func train(_ schedule: Schedule) throws -> (Tensor, Graph) {
      var session = try Quarters.session(
        settings(schedule) { $0.learnsScales = learnsScales }, on: ReferenceBackend.shared)
      try session.begin(stage: 0, calibration: Quarters.calibration)
      for number in 0..<5 {
        let (x, target) = Quarters.samples(number)
        _ = try session.advance(["x": x], target: target, rate: 0.02)
      }
      return (try session.trainer.parameterVector(), try session.exportedModel())
    }
    let (direct, free) = (try train(.direct), try train(.filter(groups: 3)))
    #expect(free == direct)
  }

  /// Without compensation settling takes the codes that the step has computed with.
  @Test func settlesTheCodesOfNow() throws {
    var session = try Quarters.session(
      settings(.filter(groups: 2)), on: ReferenceBackend.shared)
    for stage in session.stages.indices.dropLast() {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      for number in 0..<3 {
        let (x, target) = Quarters.samples(stage * 3 + number)
        _ = try session.advance(["x": x], target: target, rate: 0.05)
      }
      let before = try session.exportedModel()
      var next = session
      try next.begin(stage: stage + 1, calibration: Quarters.calibration)
      let after = try next.exportedModel()
      #expect(after == before)
    }
  }

  @Test(arguments: schedules)
  func trainsAndWritesWhatItMeasures(_ schedule: Schedule) throws {
    try Quarters.expectTrainsAndWritesWhatItMeasures(settings(schedule))
  }

  @Test func modesThatDoNotFitAreRefused() throws {
    let contradictions: [(QuantizedTrainingSettings, String)] = [
      (settings(.layer) { $0.straightThrough = .previous }, "previous"),
      (settings(.layer) { $0.quantization.granularity = .group(4) }, "group:4"),
    ]
    for (settings, words) in contradictions {
      let error = try #require(throws: SettingsError.self) { try settings.validate() }
      #expect(error.description.contains(words) && error.description.contains("unfrozen"))
    }
  }
}
