public import Datasets
public import Evaluation
public import Graph
public import Tensors

/// A session with data, epochs and rates: what happens between the first step and the last.
///
/// The run can stop after any step and go on from a checkpoint in another process; every step's
/// batch, rate and stage follow from its number.
public struct TrainingRun<Session: TrainingSession> {
  /// What is trained.
  public private(set) var session: Session
  /// Its length and its rates.
  public let plan: TrainingPlan
  /// Steps done.
  public private(set) var stepsDone = 0

  private let stream: TrainingStream
  private let loaderThreads: Int
  private var stagesBegun = 0
  private var isFinished = false
  private var tally = StepTally()

  /// What happened.
  public enum Event {
    /// Stage `index` begins.
    case began(stage: Int)
    /// A step was done: its loss, the mean loss and the accuracy since the last record.
    case stepped(loss: Float, meanLoss: Double, accuracy: Double?)
    /// An epoch or a stage is over.
    case finished(TrainingRecord)
    /// The state after the record or the number of steps; written, it is what
    /// ``TrainingRun/restore(_:)`` takes.
    case checkpoint([String: Tensor])
  }

  /// What a run is given.
  public struct Surroundings {
    /// The targets of a batch.
    public var targets: (Batch) throws -> Tensor
    /// Measures the network; called at the end of every epoch and at the end.
    public var validate: ((Graph) throws -> Evaluation)?
    /// Samples that stages see before they begin.
    public var calibrationSamples = 0
    /// Samples that the session sees after the last step, in batches that would be those of further
    /// steps; 0 leaves it as steps have made it.
    public var finalSamples = 0
    /// A checkpoint after so many steps, besides those after epochs and stages.
    public var checkpointSteps: Int?

    /// Makes surroundings.
    public init(
      targets: @escaping (Batch) throws -> Tensor,
      validate: ((Graph) throws -> Evaluation)? = nil, calibrationSamples: Int = 0,
      finalSamples: Int = 0, checkpointSteps: Int? = nil
    ) {
      self.targets = targets
      self.validate = validate
      self.calibrationSamples = calibrationSamples
      self.finalSamples = finalSamples
      self.checkpointSteps = checkpointSteps
    }
  }

  /// Makes a run.
  public init(_ session: Session, on stream: TrainingStream, plan: TrainingPlan, threads: Int = 2) {
    precondition(
      plan.stageCount == session.stages.count && plan.stepsPerEpoch == stream.batchesPerEpoch,
      "the plan is of another session or other data")
    self.session = session
    self.stream = stream
    self.plan = plan
    loaderThreads = threads
  }

  /// Trains to the end.
  ///
  /// - Throws: ``TrainingStopped`` at a loss that is no number; what the session, the data and
  ///   `report` throw.
  public mutating func run(
    _ surroundings: Surroundings, report: (Event) throws -> Void
  ) throws {
    let loader = BatchLoader(stream, stepsDone..<plan.stepCount, threads: loaderThreads)
    let calibration =
      surroundings.calibrationSamples > 0 && stagesBegun < plan.stageCount
      ? try stream.calibration(count: surroundings.calibrationSamples) : []
    if stagesBegun > 0 { try train(stagesBegun - 1, loader, surroundings, report) }
    while stagesBegun < plan.stageCount {
      let stage = stagesBegun
      try report(.began(stage: stage))
      try session.begin(stage: stage, calibration: calibration)
      stagesBegun += 1
      try train(stage, loader, surroundings, report)
    }
    try finish(surroundings)
  }

  /// Lets the session find what it finds at the end.
  private mutating func finish(_ surroundings: Surroundings) throws {
    guard !isFinished else { return }
    isFinished = true
    guard surroundings.finalSamples > 0 else { return }
    // Batches as those of steps, changed as these are, that no step has seen in this form.
    let (stream, first) = (stream, plan.stepCount)
    try session.finish(batches: max(surroundings.finalSamples / stream.batchSize, 1)) {
      try stream.batch(at: first + $0).inputs
    }
  }

  /// Does the steps of a stage that are left.
  private mutating func train(
    _ stage: Int, _ loader: BatchLoader, _ surroundings: Surroundings,
    _ report: (Event) throws -> Void
  ) throws {
    let end = plan.steps(ofStage: stage).upperBound
    while stepsDone < end {
      guard let batch = try loader.next() else {
        preconditionFailure("the loader ends with step \(stepsDone) of \(plan.stepCount)")
      }
      try advance(batch, stage, surroundings)
      try report(
        .stepped(loss: tally.lastLoss, meanLoss: tally.meanLoss, accuracy: tally.accuracy))
      let isEpochEnd = stepsDone % plan.stepsPerEpoch == 0
      if isEpochEnd || stepsDone == end {
        // What is measured and kept last is what is written.
        if stepsDone == plan.stepCount, stagesBegun == plan.stageCount { try finish(surroundings) }
        let validates = isEpochEnd || stepsDone == plan.stepCount
        try report(.finished(record(stage, validates ? surroundings.validate : nil)))
        tally = StepTally()
        try report(.checkpoint(checkpoint()))
      } else if let count = surroundings.checkpointSteps, stepsDone % count == 0 {
        try report(.checkpoint(checkpoint()))
      }
    }
  }

  private mutating func advance(
    _ batch: Batch, _ stage: Int, _ surroundings: Surroundings
  ) throws {
    let start = ContinuousClock.now
    let targets = try surroundings.targets(batch)
    let rate = plan.rate(at: stepsDone, inStage: stage)
    do {
      let result = try session.advance(batch.inputs, target: targets, rate: rate)
      stepsDone += 1
      tally.add(
        result.loss, correct: batch.correctCount(result.output), of: batch.rows,
        seconds: start.secondsSince)
    } catch let error as LossNotFinite {
      throw TrainingStopped(
        error, stage: session.stages[stage], epoch: stepsDone / plan.stepsPerEpoch + 1,
        step: stepsDone + 1)
    }
  }

  private func record(
    _ stage: Int, _ validate: ((Graph) throws -> Evaluation)?
  ) throws -> TrainingRecord {
    let evaluation = try validate.map { try $0(session.evaluatedModel()) }
    return TrainingRecord(
      stage: stage + 1, stageName: session.stages[stage].name,
      epoch: (stepsDone - 1) / plan.stepsPerEpoch + 1, step: stepsDone, steps: plan.stepCount,
      loss: tally.meanLoss, accuracy: tally.accuracy,
      rate: plan.rate(at: stepsDone - 1, inStage: stage),
      imagesPerSecond: tally.seconds > 0 ? Double(tally.timedSamples) / tally.seconds : 0,
      validationTop1: evaluation?.top1, validationPSNR: evaluation?.psnr,
      validationSQNR: evaluation?.sqnr)
  }

  // MARK: Checkpoints

  /// Everything that ``restore(_:)`` needs.
  public func checkpoint() throws -> [String: Tensor] {
    var tensors = try session.checkpoint()
    tensors[RunName.counts] = Tensor(
      [stepsDone, stagesBegun, isFinished ? 1 : 0].map(Int64.init))
    tensors[RunName.tally] = Tensor(tally.numbers)
    return tensors
  }

  /// Goes on from a checkpoint of a run that was made in the same way.
  ///
  /// - Throws: ``Graph/GraphError`` when it is not of this run.
  public mutating func restore(_ checkpoint: [String: Tensor]) throws {
    guard let counts = checkpoint[RunName.counts]?.array(of: Int64.self).map(Int.init),
      counts.count == 3, (0...plan.stepCount).contains(counts[0]),
      (0...plan.stageCount).contains(counts[1]),
      let numbers = checkpoint[RunName.tally]?.array(of: Double.self),
      let tally = StepTally(numbers)
    else {
      throw GraphError.invalid("the checkpoint is not of this run: its counts are out of range")
    }
    try session.restore(checkpoint.filter { !$0.key.hasPrefix(RunName.prefix) })
    (stepsDone, stagesBegun, isFinished) = (counts[0], counts[1], counts[2] != 0)
    self.tally = tally
  }
}

private enum RunName {
  static let prefix = "run/"
  static let counts = "run/counts"
  static let tally = "run/tally"
}

/// What is counted between two records.
private struct StepTally {
  private var lossSum = 0.0
  private var steps = 0
  private var correct = 0
  private var samples = 0
  private var hasLabels = true
  private(set) var lastLoss: Float = 0
  /// Samples and seconds of this process, which a checkpoint leaves out: they are no result.
  private(set) var timedSamples = 0
  private(set) var seconds = 0.0

  init() {}

  mutating func add(_ loss: Float, correct: Int?, of samples: Int, seconds: Double) {
    timedSamples += samples
    self.seconds += seconds
    lossSum += Double(loss)
    lastLoss = loss
    steps += 1
    self.samples += samples
    if let correct { self.correct += correct } else { hasLabels = false }
  }

  var meanLoss: Double { steps > 0 ? lossSum / Double(steps) : 0 }

  var accuracy: Double? {
    hasLabels && samples > 0 ? 100 * Double(correct) / Double(samples) : nil
  }

  /// What a checkpoint keeps.
  var numbers: [Double] {
    [lossSum, Double(steps), Double(correct), Double(samples), hasLabels ? 1 : 0, Double(lastLoss)]
  }

  init?(_ numbers: [Double]) {
    guard numbers.count == 6 else { return nil }
    lossSum = numbers[0]
    (steps, correct, samples) = (Int(numbers[1]), Int(numbers[2]), Int(numbers[3]))
    hasLabels = numbers[4] != 0
    lastLoss = Float(numbers[5])
  }
}

extension ContinuousClock.Instant {
  /// Seconds from here to now.
  fileprivate var secondsSince: Double {
    let passed = (ContinuousClock.now - self).components
    return Double(passed.seconds) + Double(passed.attoseconds) * 1e-18
  }
}
