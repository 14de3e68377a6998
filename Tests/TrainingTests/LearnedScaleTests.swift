import Execution
import Graph
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

@testable import Training

@Suite struct LearnedScaleTests {
  /// Level minus steps inside the range, level outside: equation 3 of Esser et al.
  @Test func derivativeByTheScale() throws {
    // Four levels of 0.5 from -0.5 to 1, and of 1 from -1 to 2.
    let values: [Float] = [-0.75, -0.5, 0.375, 1, 1.125, -0.75, -1.125, 0.25, 2, 2.5]
    let expected: [[Float]] = [[-1, 0, 0.25, 0, 2], [-0.25, -1, -0.25, 0, 2]]
    let weights = Tensor((1...10).map(Float.init), shape: [2, 5])
    let factors: [[Float]] = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    let sums: [Float] = zip(expected, factors).map { row, factors in
      var sum: Float = 0
      for (slope, factor) in zip(row, factors) { sum += slope * factor }
      return sum
    }
    var graph = Graph(
      opsets: ["": 21, "lowbit": 1],
      inputs: [
        ValueInfo(name: "x", elementType: .float32, shape: [.fixed(2), .fixed(5)])
      ],
      initializers: [
        "s": Tensor([Float(0.5), 1]), "z": Tensor([Int32(1), 1]), "w": weights,
      ],
      nodes: [
        Node(
          "FakeQuantize", domain: "lowbit", inputs: ["x", "s", "z"], outputs: ["y"],
          attributes: ["levels": .int(4), "axis": .int(0)]),
        Node("Mul", inputs: ["y", "w"], outputs: ["p"]),
        Node("ReduceSum", inputs: ["p"], outputs: ["l"], attributes: ["keepdims": .int(0)]),
      ])
    let result = try graph.differentiated("l", for: ["s"])
    graph = result.graph
    let gradient = try #require(result.gradients["s"])
    graph.outputs = [ValueInfo(name: gradient, elementType: .float32)]
    let outputs = try Executor(graph, on: ReferenceBackend.shared).run(
      ["x": Tensor(values, shape: [2, 5])])
    // All numbers have few bits: nothing is rounded.
    #expect(outputs[gradient]?.array(of: Float.self) == sums)
  }

  /// Scales move and are written as they have become; those of settled weights move where only weights
  /// stand still.
  @Test(arguments: [Schedule.direct, .filter(groups: 2), .neuron(groups: 2)], Freezing.allCases)
  func scalesAreTrained(_ schedule: Schedule, _ freezing: Freezing) throws {
    let settings = Quarters.settings(schedule) {
      $0.learnsScales = true
      $0.freezing = freezing
    }
    var session = try Quarters.session(settings, on: ReferenceBackend.shared)
    let losses = try Quarters.train(&session, steps: 60 / session.stages.count + 1)
    let (first, last) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
    #expect(last < first / 2)
    let (found, learned) = (session.state, try session.now().state)
    let before = try #require(found.plan.values["r1"]?.quantizer)
    let after = try #require(learned.plan.values["r1"]?.quantizer)
    #expect(before.scale != after.scale)
    #expect(before.zeroPoint == after.zeroPoint)
    let areWeightsAlike = zip(found.weights, learned.weights).allSatisfy {
      $0.quantizers == $1.quantizers
    }
    #expect(areWeightsAlike == (schedule != .direct && freezing == .everything))
    #expect(found.weights.map(\.codes) == learned.weights.map(\.codes))
    let exported = try session.exportedModel()
    let written = try Quarters.outputs(of: exported)
    let evaluated = try Quarters.outputs(of: session.evaluatedModel())
    #expect(written == evaluated)
    var resumed = try Quarters.session(settings, on: ReferenceBackend.shared)
    try resumed.restore(session.checkpoint())
    let again = try resumed.exportedModel()
    #expect(again == exported)
  }

  /// A scale is trained as a factor that begins at 1: relative steps move it by the rate, as Adam's first step
  /// moves every parameter by one unit times the rate.
  @Test func relativeStepsMoveScalesByTheRate() throws {
    let settings = Quarters.settings(.direct) { $0.learnsScales = true }
    var session = try Quarters.session(
      settings, optimizer: Optimizer(.adam(), usesRelativeSteps: true),
      on: ReferenceBackend.shared)
    try session.begin(stage: 0, calibration: Quarters.calibration)
    let (x, target) = Quarters.samples(0)
    _ = try session.advance(["x": x], target: target, rate: 1 / 64)
    let names = Set(session.network.learnedScales.map(\.name))
    let moves = try session.trainer.trainedTensors().filter { names.contains($0.key) }
      .flatMap { $0.value.array(of: Float.self) }.map { abs($0 - 1) }
    #expect(moves.count >= names.count && !names.isEmpty)
    // Adam's epsilon of 1e-8 only shortens steps, by less than a hundredth for derivatives above 1e-6.
    #expect(moves.allSatisfy { $0 <= 1.001 / 64 })
    #expect(moves.contains { $0 > 0.99 / 64 })
  }

  /// The derivative by the scale of settled codes is the sum of codes times the derivatives of their
  /// values: the same as differences of the loss over a small change of the scale.
  @Test(arguments: [UnfrozenWeights.float, .quantized])
  func derivativeByTheScaleOfSettledCodes(_ unfrozen: UnfrozenWeights) throws {
    let settings = Quarters.settings(.filter(groups: 2)) {
      $0.learnsScales = true
      $0.unfrozen = unfrozen
    }
    var session = try Quarters.session(
      settings, optimizer: Optimizer(.momentum(0)), on: ReferenceBackend.shared)
    for stage in session.stages.indices {
      try session.begin(stage: stage, calibration: Quarters.calibration)
    }
    // The last layer: behind it nothing is rounded.
    let learned = try #require(
      session.network.learnedScales.last {
        if case .weights(let place) = $0.owner {
          place == session.network.layers.count - 1
        } else {
          false
        }
      })
    let part = try #require(session.network.parameters.parts.first { $0.name == learned.name })
    let (x, target) = Quarters.samples(0)
    func step(_ row: Int, moved change: Float) throws -> (loss: Double, logits: [Float]) {
      var copy = session
      var vector = try copy.trainer.parameterVector().array(of: Float.self)
      vector[part.start + row] += change
      try copy.trainer.setParameters(Tensor(vector))
      let result = try copy.advance(["x": x], target: target, rate: 0)
      return (Double(result.loss), result.output.array())
    }
    let start = try session.trainer.parameterVector().array(of: Float.self)
    var moved = session
    _ = try moved.advance(["x": x], target: target, rate: 1)
    let end = try moved.trainer.parameterVector().array(of: Float.self)
    let change: Float = 1 / 64
    let width = Double(2 * change)
    var clearest = 0.0
    for row in 0..<part.end - part.start {
      let (up, down) = (try step(row, moved: change), try step(row, moved: -change))
      let slope = (up.loss - down.loss) / width
      let found = Double(start[part.start + row] - end[part.start + row]) / Double(learned.factor)
      // Logits are linear in the factor. The third derivative of a cross-entropy by one of them,
      // p (1 - p) (1 - 2 p), is at most 1 / (6 sqrt(3)).
      let logitSlope = zip(up.logits, down.logits).map { Double(abs($0 - $1)) / width }.max() ?? 0
      let truncation = width * width / 24 * 0.0963 * logitSlope * logitSlope * logitSlope
      // Some forty operations on numbers of the loss's size, in two losses.
      let rounding = 2 * 40 * max(up.loss, 1) * 0x1p-24 / width
      let ofParameter = 4 * 0x1p-24 / Double(learned.factor)
      let bound = truncation + rounding + ofParameter
      #expect(abs(found - slope) < bound, "row \(row)")
      clearest = max(clearest, abs(slope) / bound)
    }
    #expect(clearest > 20)
  }

  @Test func powersOfTwoAreNotLearned() throws {
    let settings = Quarters.settings(.direct) {
      $0.learnsScales = true
      $0.quantization.scales = .powerOfTwo
    }
    let error = try #require(throws: SettingsError.self) { try settings.validate() }
    #expect(error.description.contains("powers of two"))
  }
}
