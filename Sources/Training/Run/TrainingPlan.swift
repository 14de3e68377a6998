/// How long training takes and at what rates: steps are divided among stages, epochs are passes over
/// the data, whatever stage they fall into.
public struct TrainingPlan: Sendable, Hashable {
  /// How many epochs there are.
  public enum Length: Sendable, Hashable {
    /// So many in all; every stage has the same share of the steps that the first leaves.
    case total(Double)
    /// So many for each stage.
    case perStage(Double)
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

  /// Steps of the first stage where they are not those of the others.
  private let firstSteps: Int?

  /// Makes a plan.
  ///
  /// - Parameters:
  ///   - stageCount: Stages, at least one.
  ///   - stepsPerEpoch: Steps of an epoch, at least one.
  ///   - length: Epochs in all or of each stage.
  ///   - firstEpochs: The length of the first stage, at most that of all, where it is not that of the
  ///     others; there are others then.
  ///   - rates: Learning rates by step.
  ///   - restartsRates: Whether the rates begin anew with every stage.
  public init(
    stageCount: Int, stepsPerEpoch: Int, length: Length, firstEpochs: Double? = nil,
    rates: RateSchedule, restartsRates: Bool = false
  ) {
    precondition(stageCount > 0 && stepsPerEpoch > 0, "nothing to plan")
    precondition(firstEpochs == nil || stageCount > 1, "one stage has the length of all")
    firstSteps = firstEpochs.map { Int(($0 * Double(stepsPerEpoch)).rounded()) }
    self.stageCount = stageCount
    self.stepsPerEpoch = stepsPerEpoch
    self.rates = rates
    self.restartsRates = restartsRates
    switch length {
    case .total(let epochs): stepCount = Int((epochs * Double(stepsPerEpoch)).rounded())
    case .perStage(let epochs):
      let each = Int((epochs * Double(stepsPerEpoch)).rounded())
      stepCount = (stageCount - 1) * each + (firstSteps ?? each)
    }
    precondition(firstSteps ?? 0 <= stepCount, "the first stage is longer than all")
  }

  /// The steps of a stage.
  public func steps(ofStage stage: Int) -> Range<Int> {
    guard let firstSteps else {
      return stepCount * stage / stageCount..<stepCount * (stage + 1) / stageCount
    }
    guard stage > 0 else { return 0..<firstSteps }
    let (rest, others) = (stepCount - firstSteps, stageCount - 1)
    return firstSteps + rest * (stage - 1) / others..<firstSteps + rest * stage / others
  }

  /// The rate of a step of a stage.
  public func rate(at step: Int, inStage stage: Int) -> Float {
    guard restartsRates else { return rates.rate(at: step, of: stepCount) }
    let steps = steps(ofStage: stage)
    return rates.rate(at: step - steps.lowerBound, of: steps.count)
  }
}
