import Datasets
import Execution
import Graph
import Operations
import Tensors
import Testing

@testable import Training

/// Samples whose class is the place of the largest of three numbers.
struct ThreeClasses: Dataset {
  let count: Int
  let name = "three classes"
  var labels = true

  func sample(at index: Int) throws -> Sample {
    let kind = index * 7 % 3
    let numbers = (0..<3).map { ($0 == kind ? 1 : 0) + Float((index * 13 + $0 * 5) % 17) / 34 }
    return Sample(
      inputs: ["x": Tensor(numbers, shape: [1, 3])], label: labels ? Label(index: kind) : nil,
      name: "sample \(index)")
  }
}

enum SmallNetworks {
  static func weights(_ shape: [Int], _ divisor: Float = 40) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor((0..<count).map { Float(($0 * 37 + count) % 41 - 20) / divisor }, shape: shape)
  }

  static func input(_ shape: [Dimension]) -> ValueInfo {
    ValueInfo(name: "x", elementType: .float32, shape: shape)
  }

  /// Two products with a normalization between them.
  static var normalized: Graph {
    Graph(
      opsets: ["": 17], inputs: [input([.symbolic("n"), .fixed(3)])],
      outputs: [ValueInfo(name: "y", elementType: .float32)],
      initializers: [
        "w1": weights([3, 4]), "b1": weights([4]), "scale": Tensor([1, 0.5, 2, 1] as [Float]),
        "shift": weights([4]), "mean": Tensor([0, 0.1, 0, 0] as [Float]),
        "variance": Tensor([1, 1, 0.5, 1] as [Float]), "w2": weights([4, 3]), "b2": weights([3]),
      ],
      nodes: [
        Node("Gemm", inputs: ["x", "w1", "b1"], outputs: ["g"]),
        Node(
          "BatchNormalization", inputs: ["g", "scale", "shift", "mean", "variance"], outputs: ["n"]),
        Node("Relu", inputs: ["n"], outputs: ["r"]),
        Node("Gemm", inputs: ["r", "w2", "b2"], outputs: ["y"]),
      ])
  }
}

/// A session that says what it was asked.
private struct ScriptedSession: TrainingSession {
  let stages: [TrainingStage]
  var calls: [String] = []
  var failsAt: Int?
  private var steps = 0

  init(stages: Int) { self.stages = (0..<stages).map { TrainingStage(name: "part \($0)") } }

  mutating func begin(stage index: Int, calibration: [[String: Tensor]]) {
    calls.append("begin \(index) with \(calibration.count)")
  }
  mutating func advance(
    _ inputs: [String: Tensor], target: Tensor, rate: Float
  ) throws -> (loss: Float, output: Tensor) {
    steps += 1
    if steps == failsAt { throw LossNotFinite(loss: .infinity, step: steps) }
    calls.append("step at \(rate)")
    return (Float(steps), target)
  }
  mutating func finish(batches count: Int, _ batch: (Int) throws -> [String: Tensor]) throws {
    calls.append("finish with \(try (0..<count).map(batch).count)")
  }
  func checkpoint() -> [String: Tensor] { ["steps": Tensor(scalar: Int64(steps))] }
  mutating func restore(_ checkpoint: [String: Tensor]) {
    steps = Int(checkpoint["steps"]!.array(of: Int64.self)[0])
  }
  func evaluatedModel() -> Graph { Graph() }
  func exportedModel() -> Graph { Graph() }
}

@Suite struct TrainingRunTests {
  private struct Stop: Error {}

  private static func stream(_ count: Int = 22, batch: Int = 4) throws -> TrainingStream {
    try TrainingStream(ThreeClasses(count: count), batchSize: batch, seed: 5)
  }

  private static func plan(stages: Int, _ length: TrainingPlan.Length) -> TrainingPlan {
    TrainingPlan(
      stageCount: stages, stepsPerEpoch: 5, length: length,
      rates: RateSchedule(peak: 1, course: .constant))
  }

  private static var surroundings: TrainingRun<ScriptedSession>.Surroundings {
    .init(targets: LabelTargets(shape: [4, 3]).targets)
  }

  /// Seven steps in three stages; an epoch has five.
  @Test func dividesStepsAmongStages() throws {
    var run = TrainingRun(
      ScriptedSession(stages: 3), on: try Self.stream(), plan: Self.plan(stages: 3, .total(1.4)))
    var records: [TrainingRecord] = []
    var surroundings = Self.surroundings
    surroundings.calibrationSamples = 9
    try run.run(surroundings) { if case .finished(let record) = $0 { records.append(record) } }
    #expect(
      run.session.calls == [
        "begin 0 with 2", "step at 1.0", "step at 1.0", "begin 1 with 2", "step at 1.0",
        "step at 1.0", "begin 2 with 2", "step at 1.0", "step at 1.0", "step at 1.0",
      ])
    // Stages end after 2, 4 and 7 steps, the first epoch after 5.
    #expect(records.map(\.step) == [2, 4, 5, 7])
    #expect(records.map(\.stage) == [1, 2, 3, 3])
    #expect(records.map(\.epoch) == [1, 1, 1, 2])
    #expect(records.map(\.loss) == [1.5, 3.5, 5, 6.5])
    // The scripted output is the target.
    #expect(records.allSatisfy { $0.accuracy == 100 })
  }

  /// More stages than steps: all begin, in order, and the end comes after the last.
  @Test func everyStageBegins() throws {
    var run = TrainingRun(
      ScriptedSession(stages: 5), on: try Self.stream(), plan: Self.plan(stages: 5, .total(0.4)))
    var surroundings = Self.surroundings
    surroundings.finalSamples = 9
    try run.run(surroundings) { _ in }
    #expect(run.session.calls.last == "finish with 2")
    #expect(run.session.calls.filter { $0.hasPrefix("finish") }.count == 1)
    #expect(
      run.session.calls.filter { $0.hasPrefix("begin") } == (0..<5).map { "begin \($0) with 0" })
    #expect(run.session.calls.filter { $0.hasPrefix("step") }.count == 2)
  }

  /// Stopped after any step, a run that goes on asks for what the other would have asked for.
  @Test(arguments: 1...9)
  func goesOnFromACheckpoint(_ stop: Int) throws {
    let plan = Self.plan(stages: 3, .perStage(0.6))
    var whole = TrainingRun(ScriptedSession(stages: 3), on: try Self.stream(), plan: plan)
    var records: [TrainingRecord] = []
    var surroundings = Self.surroundings
    surroundings.finalSamples = 4
    try whole.run(surroundings) {
      if case .finished(let record) = $0 { records.append(record) }
    }

    surroundings.checkpointSteps = 1
    var first = TrainingRun(ScriptedSession(stages: 3), on: try Self.stream(), plan: plan)
    var kept: [String: Tensor] = [:]
    var (steps, found) = (0, [TrainingRecord]())
    #expect(throws: Stop.self) {
      try first.run(surroundings) { event in
        if case .finished(let record) = event { found.append(record) }
        if case .checkpoint(let tensors) = event { kept = tensors }
        if case .checkpoint = event {
          steps += 1
          if steps == stop { throw Stop() }
        }
      }
    }
    var second = TrainingRun(ScriptedSession(stages: 3), on: try Self.stream(), plan: plan)
    try second.restore(kept)
    #expect(second.stepsDone == stop)
    try second.run(surroundings) { if case .finished(let record) = $0 { found.append(record) } }
    #expect(first.session.calls + second.session.calls == whole.session.calls)
    func results(_ records: [TrainingRecord]) -> [TrainingRecord] {
      records.map { record in
        var record = record
        record.imagesPerSecond = 0
        return record
      }
    }
    #expect(results(found) == results(records))
  }

  @Test func aLossThatIsNoNumberNamesStepAndStage() throws {
    var session = ScriptedSession(stages: 2)
    session.failsAt = 7
    var run = TrainingRun(session, on: try Self.stream(), plan: Self.plan(stages: 2, .total(2)))
    let error = #expect(throws: TrainingStopped.self) { try run.run(Self.surroundings) { _ in } }
    let text = try #require(error?.description)
    #expect(text.contains("inf") && text.contains("step 7 (epoch 2, stage 'part 1')"))
  }

  @Test func refusesACheckpointOfAnotherRun() throws {
    var run = TrainingRun(
      ScriptedSession(stages: 2), on: try Self.stream(), plan: Self.plan(stages: 2, .total(2)))
    #expect(throws: GraphError.self) { try run.restore([:]) }
    #expect(throws: GraphError.self) {
      try run.restore([
        "run/counts": Tensor([Int64(11), 1]), "run/tally": Tensor(Array(repeating: 0.0, count: 6)),
      ])
    }
  }

  // MARK: Float training

  private static let optimizers = [
    Optimizer(.momentum(0.9)), Optimizer(.adam(), weightDecay: 0.01),
  ]

  private static func floatRun(
    _ optimizer: Optimizer, _ normalization: NormalizationTreatment
  ) throws -> TrainingRun<FloatTraining<ReferenceBackend>> {
    TrainingRun(
      try FloatTraining(
        SmallNetworks.normalized, batch: 4, loss: .crossEntropy, optimizer: optimizer,
        normalization: normalization, on: ReferenceBackend.shared), on: try stream(),
      plan: TrainingPlan(
        stageCount: 1, stepsPerEpoch: 5, length: .total(8),
        rates: RateSchedule(peak: 0.05, warmup: 3)))
  }

  @Test(arguments: optimizers, NormalizationTreatment.allCases)
  func resumedTrainingHasTheSameBits(
    _ optimizer: Optimizer, _ normalization: NormalizationTreatment
  ) throws {
    typealias Run = TrainingRun<FloatTraining<ReferenceBackend>>
    var surroundings = Run.Surroundings(targets: LabelTargets(shape: [4, 3]).targets)
    var whole = try Self.floatRun(optimizer, normalization)
    var losses: [Float] = []
    try whole.run(surroundings) { event in
      if case .stepped(let loss, _, _) = event { losses.append(loss) }
    }
    #expect(losses.count == 40 && losses[39] < losses[0])

    surroundings.checkpointSteps = 13
    var kept: [String: Tensor] = [:]
    var stopped = try Self.floatRun(optimizer, normalization)
    #expect(throws: Stop.self) {
      try stopped.run(surroundings) { event in
        if case .checkpoint(let tensors) = event { kept = tensors }
        if case .stepped = event, kept["run/counts"]?.array(of: Int64.self)[0] == 13 {
          throw Stop()
        }
      }
    }
    var resumed = try Self.floatRun(optimizer, normalization)
    try resumed.restore(kept)
    var rest: [Float] = []
    try resumed.run(surroundings) { event in
      if case .stepped(let loss, _, _) = event { rest.append(loss) }
    }
    #expect(rest == Array(losses[13...]))
    #expect(try resumed.session.exportedModel() == whole.session.exportedModel())
    #expect(try resumed.checkpoint() == whole.checkpoint())
  }

  @Test func keepsTheModelsNames() throws {
    var run = try Self.floatRun(Optimizer(.momentum(0.9)), .keep)
    try run.run(.init(targets: LabelTargets(shape: [4, 3]).targets)) { _ in }
    let (before, after) = (SmallNetworks.normalized, try run.session.exportedModel())
    #expect(after.nodes == before.nodes && after.opsets == before.opsets)
    #expect(after.inputs == before.inputs && after.outputs == before.outputs)
    #expect(Set(after.initializers.keys) == Set(before.initializers.keys))
    for (name, tensor) in before.initializers {
      #expect(after.initializers[name]?.shape == tensor.shape)
      // What a normalization takes away again has no derivative.
      if name != "b1" { #expect(after.initializers[name] != tensor, "'\(name)' has not moved") }
    }
  }

  @Test func foldsNormalizations() throws {
    let run = try Self.floatRun(Optimizer(.momentum(0.9)), .fold)
    let model = try run.session.exportedModel()
    #expect(model.nodes.map(\.operatorType) == ["Gemm", "Relu", "Gemm"])
    let x = Tensor([0.5, -1, 2] as [Float], shape: [1, 3])
    let expected = try Executor(SmallNetworks.normalized, on: ReferenceBackend.shared).run(["x": x])
    let found = try Executor(model, on: ReferenceBackend.shared).run(["x": x])
    for (a, b) in zip(found["y"]!.array(of: Float.self), expected["y"]!.array(of: Float.self)) {
      // Seven roundings of numbers below 4.
      #expect(abs(a - b) <= 7 * 0x1p-22)
    }
  }
}
