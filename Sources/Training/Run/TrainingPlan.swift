/// How long training takes and at what rates: steps are divided among stages, epochs are passes over
/// the data, whatever stage they fall into.
public struct TrainingPlan: Sendable, Hashable {
  /// How many epochs there are.
  public enum Length: Sendable, Hashable {
    /// So many in all; every stage has the same share of the steps that ``TrainingPlan/Leading`` ones leave.
    case total(Double)
    /// So many for each stage.
    case perStage(Double)
  }

  /// Stages at the beginning whose length is not that of the others.
  public struct Leading: Sendable, Hashable {
    /// How many there are.
    public var stageCount: Int
    /// Epochs of all of them; each has the same share.
    public var epochs: Double

    /// Makes a description.
    public init(stageCount: Int, epochs: Double) {
      self.stageCount = stageCount
      self.epochs = epochs
    }
  }

  /// The number of stages.
  public let stageCount: Int
  /// Batches in an epoch.
  public let stepsPerEpoch: Int
  /// Steps in all.
  public let stepCount: Int
  /// The rates.
  public let rates: RateSchedule
  /// Whether the rates begin anew with every stage.
  public let restartsRates: Bool

  /// The first step of every stage, and the end of the last.
  private let bounds: [Int]

  /// Makes a plan.
  ///
  /// - Parameters:
  ///   - stageCount: Stages, at least one.
  ///   - stepsPerEpoch: Steps of an epoch, at least one.
  ///   - length: Epochs in all or of each stage.
  ///   - leading: The first stages, where their lengths are not those of the others; with
  ///     ``Length/total(_:)`` they are at most as long as all, and just as long where there are no others.
  ///   - rates: Learning rates by step.
  ///   - restartsRates: Whether the rates begin anew with every stage.
  public init(
    stageCount: Int, stepsPerEpoch: Int, length: Length, leading: [Leading] = [],
    rates: RateSchedule, restartsRates: Bool = false
  ) {
    precondition(stageCount > 0 && stepsPerEpoch > 0, "nothing to plan")
    let others = stageCount - leading.reduce(0) { $0 + $1.stageCount }
    precondition(others >= 0, "more leading stages than stages")
    self.stageCount = stageCount
    self.stepsPerEpoch = stepsPerEpoch
    self.rates = rates
    self.restartsRates = restartsRates
    func steps(_ epochs: Double) -> Int { Int((epochs * Double(stepsPerEpoch)).rounded()) }
    var bounds = [0]
    func add(to end: Int, among count: Int) {
      let start = bounds[bounds.count - 1]
      bounds += (0..<count).map { start + (end - start) * ($0 + 1) / count }
    }
    var passed = 0.0
    for group in leading {
      // The ends are rounded, not the lengths, so that they never pass that of all.
      passed += group.epochs
      add(to: steps(passed), among: group.stageCount)
    }
    switch length {
    case .total(let epochs):
      precondition(passed <= epochs, "the first stages are longer than all")
      precondition(others > 0 || passed == epochs, "nothing has the rest of the steps")
      add(to: steps(epochs), among: others)
    case .perStage(let epochs): add(to: steps(passed) + steps(epochs) * others, among: others)
    }
    self.bounds = bounds
    stepCount = bounds[bounds.count - 1]
  }

  /// The steps of a stage.
  public func steps(ofStage stage: Int) -> Range<Int> { bounds[stage]..<bounds[stage + 1] }

  /// The rate of a step of a stage.
  public func rate(at step: Int, inStage stage: Int) -> Float {
    guard restartsRates else { return rates.rate(at: step, of: stepCount) }
    let steps = steps(ofStage: stage)
    return rates.rate(at: step - steps.lowerBound, of: steps.count)
  }
}
