import Execution
import Graph
import OpenCLBackend
import OpenCLHost
import Operations
import PostTraining
import Quantization
import Tensors
import Testing

@testable import Training

@Suite struct ScheduleTests {
  static let gradual: [Schedule] = [
    .layer, .filter(groups: 2), .filter(groups: 3), .neuron(groups: 2), .neuron(groups: 100),
  ]

  private func portions(
    _ schedule: Schedule, _ change: (inout QuantizedTrainingSettings) -> Void = { _ in }
  ) throws -> [Portion] {
    try Quarters.session(Quarters.settings(schedule, change), on: ReferenceBackend.shared).portions
  }

  @Test(arguments: gradual, FilterOrder.allCases.filter { $0 != .oscillation })
  func everyFilterOnceLayerByLayer(_ schedule: Schedule, _ order: FilterOrder) throws {
    let portions = try portions(schedule) { $0.order = order }
    #expect(portions.map(\.layer) == portions.map(\.layer).sorted())
    for (layer, count) in [5, 5, 3].enumerated() {
      let own = portions.filter { $0.layer == layer }
      #expect(own.flatMap(\.filters).sorted() == Array(0..<count))
      #expect(own.count == min(schedule.groups, count))
      #expect(own.map(\.isFirst) == own.indices.map { $0 == 0 })
      let sizes = own.map(\.filters.count)
      #expect(sizes.max()! - sizes.min()! <= 1)
      if order == .index { #expect(own.flatMap(\.filters) == Array(0..<count)) }
    }
  }

  /// The largest norm, or the smallest error, comes first.
  @Test func ordersGoByTheWeights() throws {
    let weights = try #require(Quarters.network.initializers["w2"]).array(of: Float.self)
    let filters = (0..<5).map { Array(weights[$0 * 45..<($0 + 1) * 45]) }
    func order(_ order: FilterOrder) throws -> [Int] {
      try portions(.filter(groups: 5)) { $0.order = order }.filter { $0.layer == 1 }
        .flatMap(\.filters)
    }
    func sum(_ values: [Double]) -> Double { values.reduce(0, +) }
    let norms: [Double] = filters.map { filter in sum(filter.map { Double($0) * Double($0) }) }
    let byNorm = try order(.norm).map { norms[$0] }
    #expect(byNorm == norms.sorted(by: >))
    let fits = ReferenceBackend.shared.searchQuantizers(
      rows: Tensor(weights, shape: [5, 45]), levels: 4, scheme: .symmetric)
    var errors: [Double] = []
    for (fit, filter) in zip(fits, filters) {
      let quantizer = fit.quantizer
      errors.append(
        sum(
          filter.map { weight in
            let error = Double(weight) - Double(quantizer.value(of: quantizer.code(of: weight)))
            return error * error
          }))
    }
    let byError = try order(.error).map { errors[$0] }
    #expect(byError == errors.sorted())
  }

  @Test func bordersCanComeLastAndWhole() throws {
    let portions = try portions(.filter(groups: 2)) { $0.leavesBordersForLast = true }
    #expect(portions.map(\.layer) == [1, 1, 0, 2])
    #expect(portions.map(\.filters.count) == [2, 3, 5, 3])
  }

  /// After every step, whatever its optimizer keeps of the past.
  @Test(arguments: gradual, Freezing.allCases)
  func settledWeightsNeverMove(_ schedule: Schedule, _ freezing: Freezing) throws {
    let settings = Quarters.settings(schedule) { $0.freezing = freezing }
    let optimizer = Optimizer(.adam(), weightDecay: 0.1)
    var session = try Quarters.session(
      settings, optimizer: optimizer, on: ReferenceBackend.shared)
    var settled: [Int: Float] = [:]
    var movedElsewhere = false
    var before: [Float] = []
    for stage in session.stages.indices {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      let start = try session.trainer.parameterVector().array(of: Float.self)
      for (place, value) in settled { #expect(start[place] == value) }
      let mask = session.trainableMask.array(of: Bool.self)
      for place in mask.indices where !mask[place] { settled[place] = start[place] }
      before = start
      for step in 0..<2 {
        let (x, target) = Quarters.samples(stage + step)
        _ = try session.advance(["x": x], target: target, rate: 0.05)
        let now = try session.trainer.parameterVector().array(of: Float.self)
        #expect(settled.allSatisfy { now[$0.key] == $0.value })
        movedElsewhere = movedElsewhere || now != before
      }
    }
    #expect(movedElsewhere)
    // In the end all weights are settled, and biases as the mode says.
    let biases = freezing == .everything ? 13 : 0
    #expect(settled.count == 45 + 225 + 240 + biases)
  }

  @Test(arguments: QuantizedSessionTests.schedules, [3, 4, 5])
  func atMostSoManyCodes(_ schedule: Schedule, _ levels: Int) throws {
    var session = try Quarters.session(
      Quarters.settings(schedule, levels: levels) { $0.quantization.borderLevels = nil },
      on: ReferenceBackend.shared)
    _ = try Quarters.train(&session, steps: 1)
    let model = try session.quantizedModel()
    #expect(model.weights.count == 3)
    for weights in model.weights.values {
      let codes = Set(weights.codes.array(of: Int8.self).map(Int.init))
      #expect(codes.count <= levels && codes.count > 1)
      #expect(codes.allSatisfy { (-(levels / 2)..<(levels - levels / 2)).contains($0) })
    }
    var seen = 0
    let graph = try session.evaluatedModel()
    _ = try Executor(graph, on: ReferenceBackend.shared).run(
      ["x": Quarters.samples(0).x], observing: ["r1", "p1", "r2"]
    ) { name, value in
      seen += 1
      #expect(Set(value.array(of: Float.self)).count <= levels, "\(name)")
    }
    #expect(seen == 3)
  }

  /// A neuron's channel is quantized with the neuron, and no other.
  @Test func channelsAreQuantizedWithTheirNeurons() throws {
    var session = try Quarters.session(
      Quarters.settings(.neuron(groups: 5)) { $0.order = .norm }, on: ReferenceBackend.shared)
    let output = try #require(session.network.activations.firstIndex { $0.value == "r1" })
    var quantized: Set<Int> = []
    for stage in 0..<5 {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      quantized.formUnion(session.stages[stage].components)
      let active = session.state.active[output]
      #expect(Set(active.indices.filter { active[$0] }) == quantized)
      // The step knows it: of its channels those have few values.
      let graph = try session.evaluatedModel()
      _ = try Executor(graph, on: ReferenceBackend.shared).run(
        ["x": Quarters.samples(7).x], observing: ["r1"]
      ) { _, value in
        let values = value.array(of: Float.self)
        for channel in 0..<5 {
          var own: Set<Float> = []
          for sample in 0..<Quarters.batch {
            let start = (sample * 5 + channel) * 64
            own.formUnion(values[start..<start + 64])
          }
          if quantized.contains(channel) {
            #expect(own.count <= 4)
          } else {
            #expect(own.count > 4 || own == [0])
          }
        }
      }
    }
  }

  /// The whole input of a layer is quantized before the first of its filters is retrained.
  @Test func inputsComeBeforeFilters() throws {
    var session = try Quarters.session(
      Quarters.settings(.filter(groups: 5)), on: ReferenceBackend.shared)
    let input = try #require(session.network.activations.firstIndex { $0.value == "r1" })
    for stage in 0..<6 {
      try session.begin(stage: stage, calibration: Quarters.calibration)
      #expect(session.state.coverage(of: input) == (stage < 5 ? .none : .all))
    }
  }

  @Test func modesThatContradictThemselvesAreRefused() throws {
    let contradictions: [(QuantizedTrainingSettings, String)] = [
      (Quarters.settings(.filter(groups: 0)), "0 groups"),
      (Quarters.settings(.direct) { $0.straightThrough = .none }, "none"),
      (Quarters.settings(.direct) { $0.quantization.granularity = .group(4) }, "group:4"),
    ]
    for (settings, words) in contradictions {
      let error = try #require(throws: SettingsError.self) { try settings.validate() }
      #expect(error.description.contains(words))
    }
  }
}
