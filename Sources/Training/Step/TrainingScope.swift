/// Which parameters a step moves, and what of the network can change between steps.
public struct TrainingScope: Sendable, Hashable {
  /// The parameters in the vector, those that stand still included.
  public var parameters: TrainedParameters
  /// Parameters whose gradient is not computed: it counts as 0.
  public var still: Set<String>
  /// Initializers that are inputs of the step, each with its own shape, so that they can change
  /// without another graph.
  public var settings: Set<String>
  /// Values behind which nothing is differentiated.
  public var barriers: Set<String>
  /// What parameters' gradients are multiplied by, where it is not 1.
  public var factors: [String: Float]
  /// A value of one element of the network that is added to the loss.
  public var penalty: String?
  /// Initializers that a step renews, beside the running statistics of normalizations.
  var statistics: [RunningStatistic]

  /// Makes a scope.
  public init(
    parameters: TrainedParameters, still: Set<String> = [], settings: Set<String> = [],
    barriers: Set<String> = [], factors: [String: Float] = [:], penalty: String? = nil
  ) {
    self.init(
      parameters: parameters, still: still, settings: settings, barriers: barriers,
      factors: factors, statistics: [])
    self.penalty = penalty
  }

  /// Makes a scope.
  init(
    parameters: TrainedParameters, still: Set<String>, settings: Set<String>,
    barriers: Set<String>, factors: [String: Float], statistics: [RunningStatistic]
  ) {
    self.parameters = parameters
    self.still = still
    self.settings = settings
    self.barriers = barriers
    self.factors = factors
    self.statistics = statistics
  }
}
