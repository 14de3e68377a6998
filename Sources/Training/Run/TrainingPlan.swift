/// How long training takes and at what rates: steps are divided among stages, epochs are passes over
/// the data, whatever stage they fall into.
public struct TrainingPlan: Sendable, Hashable {
  /// How many epochs there are.
  public enum Length: Sendable, Hashable {
    /// So many in all; every stage has the same share of the steps.
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

  /// Makes a plan.
  public init(
    stageCount: Int, stepsPerEpoch: Int, length: Length, rates: RateSchedule,
    restartsRates: Bool = false
  ) {
    precondition(stageCount > 0 && stepsPerEpoch > 0, "nothing to plan")
    self.stageCount = stageCount
    self.stepsPerEpoch = stepsPerEpoch
    self.rates = rates
    self.restartsRates = restartsRates
    switch length {
    case .total(let epochs): stepCount = Int((epochs * Double(stepsPerEpoch)).rounded())
    case .perStage(let epochs):
      stepCount = stageCount * Int((epochs * Double(stepsPerEpoch)).rounded())
    }
  }

  /// The steps of a stage.
  public func steps(ofStage stage: Int) -> Range<Int> {
    stepCount * stage / stageCount..<stepCount * (stage + 1) / stageCount
  }

  /// The rate of a step of a stage.
  public func rate(at step: Int, inStage stage: Int) -> Float {
    guard restartsRates else { return rates.rate(at: step, of: stepCount) }
    let steps = steps(ofStage: stage)
    return rates.rate(at: step - steps.lowerBound, of: steps.count)
  }
}
