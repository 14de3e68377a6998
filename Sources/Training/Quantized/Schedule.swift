public import PostTraining

/// In which portions a network is quantized while it is trained.
///
/// Each portion is quantized, stands still from then on, and the rest is trained to make up for it;
/// see <doc:QuantizationAwareTraining>.
public enum Schedule: Sendable, Hashable {
  /// Everything from the start; weights keep moving and are quantized anew in every step.
  case direct
  /// Layer by layer.
  case layer
  /// The filters of each layer in `groups` portions, one filter at a time where there are as many; the
  /// layer's whole input is quantized before the first.
  case filter(groups: Int)
  /// The neurons of each layer in `groups` portions, one neuron at a time where there are as many; of
  /// the input of the layer behind, the channels that the portion's neurons make are quantized with it.
  case neuron(groups: Int)

  /// Portions of a layer.
  var groups: Int {
    switch self {
    case .direct, .layer: 1
    case .filter(let groups), .neuron(let groups): groups
    }
  }

  /// Whether quantizers of activations start channel by channel, with the neurons that make them.
  var quantizesOutputs: Bool { if case .neuron = self { true } else { false } }
}

/// The order in which a layer's filters are quantized; all but the last follow from the weights that
/// training begins with. Equal ones keep the order of their indices.
public enum FilterOrder: String, Sendable, Hashable, CaseIterable {
  /// As they are numbered.
  case index
  /// The largest 2-norm of weights first.
  case norm
  /// The smallest squared error of quantized weights first.
  case error
  /// When a portion is settled, those whose codes have turned back least often in the steps before, by
  /// running averages over their weights: Nagel et al., "Overcoming Oscillations in Quantization-Aware
  /// Training", ICML 2022. Layers keep their order. Only weights that are coded in every step have codes
  /// that turn back.
  case oscillation
}

/// The quantizers of activations that let derivatives pass by the straight-through estimator; behind
/// the others nothing is differentiated.
public enum StraightThrough: String, Sendable, Hashable, CaseIterable {
  /// Every one.
  case all
  /// That of the input of the layer being quantized: derivatives reach the layer before it.
  case previous
  /// None: what lies before a quantizer gets no derivative through it.
  case none
}

/// What stands still of filters whose weights have their codes.
public enum Freezing: String, Sendable, Hashable, CaseIterable {
  /// The weights; their biases are trained on.
  case weights
  /// Weights and biases.
  case everything
}

/// How weights whose codes are not settled yet take part in a step.
public enum UnfrozenWeights: String, Sendable, Hashable, CaseIterable {
  /// As floats; activations get their quantizers portion by portion, as the ``Schedule`` says.
  case float
  /// By the nearest codes, found anew in every step as in ``Schedule/direct``, and every activation is
  /// quantized from the start: what a portion does is only to settle codes, after a first stage in
  /// which everything moves.
  case quantized
}

/// How a network is quantized while it is trained.
public struct QuantizedTrainingSettings: Sendable, Hashable {
  /// Levels, scales and the form of the written graph, as for quantization without training. Of the
  /// improvements, those of weights are used where weights get their codes; biases are trained instead
  /// of corrected.
  public var quantization: QuantizationSettings
  /// The portions.
  public var schedule: Schedule
  /// How weights without settled codes are computed with; ``Schedule/direct`` knows no other way than
  /// ``UnfrozenWeights/quantized``, whatever stands here.
  public var unfrozen: UnfrozenWeights
  /// Whether layers that are coded in every step get their quantizers one after the other in a stage
  /// each, with the activations that they read, and compute in float before; otherwise all get them when
  /// training begins.
  ///
  /// A deep network of two bits that is quantized all at once may compute next to nothing of what it did, and its
  /// derivatives say little. That quantization should be reached step by step is the idea of Zhuang et
  /// al., "Towards Effective Low-bitwidth Convolutional Neural Networks", CVPR 2018, by widths.
  public var quantizesGradually: Bool
  /// The order of a layer's filters.
  public var order: FilterOrder
  /// Which quantizers derivatives pass.
  public var straightThrough: StraightThrough
  /// What stands still.
  public var freezing: Freezing
  /// Whether layers that ``PostTraining/QuantizationSettings/borderLevels`` give more levels than the
  /// others come after these, each as one portion; otherwise they are layers like the others.
  ///
  /// Their many levels cost little at any time, and as long as the first layer moves, there is
  /// something before the quantized layers that can make up for them.
  public var leavesBordersForLast: Bool

  /// Whether the scales of activations, and those of weights that are coded in every step, are
  /// trained too.
  public var learnsScales: Bool
  /// Whether the ranges of activations follow the largest magnitude of each batch by a running average,
  /// one-sided or symmetric, instead of being those that calibration data have given.
  public var followsMagnitudes: Bool
  /// Whether the weights of a filter make up for one another's errors when they get their codes, by what
  /// the filter meets in calibration data.
  public var compensates: Bool
  /// What becomes of BatchNormalization behind a layer while the network is trained; what is written
  /// has it as a part of the layer.
  public var normalization: NormalizationTreatment
  /// The accumulators that all layers must fit; `nil` for those of 32 bits that engines have.
  public var accumulator: AccumulatorTraining?

  /// Makes settings.
  public init(
    quantization: QuantizationSettings, schedule: Schedule, unfrozen: UnfrozenWeights = .float,
    quantizesGradually: Bool = false, order: FilterOrder = .index,
    straightThrough: StraightThrough = .all, freezing: Freezing = .weights,
    leavesBordersForLast: Bool = false, learnsScales: Bool = false,
    followsMagnitudes: Bool = false, compensates: Bool = false,
    normalization: NormalizationTreatment = .fold, accumulator: AccumulatorTraining? = nil
  ) {
    self.quantization = quantization
    self.schedule = schedule
    self.unfrozen = unfrozen
    self.quantizesGradually = quantizesGradually
    self.order = order
    self.straightThrough = straightThrough
    self.freezing = freezing
    self.leavesBordersForLast = leavesBordersForLast
    self.learnsScales = learnsScales
    self.followsMagnitudes = followsMagnitudes
    self.compensates = compensates
    self.normalization = normalization
    self.accumulator = accumulator
  }

  /// Whether everything is quantized in every step from the first on, weights by the nearest codes
  /// until theirs are settled.
  var codesEveryStep: Bool { schedule == .direct || unfrozen == .quantized }

  /// Checks that the settings go together.
  ///
  /// - Throws: ``PostTraining/SettingsError``.
  public func validate() throws(SettingsError) {
    try quantization.validate()
    try validateAccumulator()
    guard schedule.groups > 0 else {
      throw SettingsError("\(schedule.groups) groups of filters: there is at least one")
    }
    let everywhere =
      schedule == .direct ? "the schedule 'direct'" : "'quantized' for unfrozen weights"
    guard !codesEveryStep || straightThrough == .all else {
      throw SettingsError(
        "\(everywhere) trains every layer, which '\(straightThrough.rawValue)' for the "
          + "straight-through estimator does not reach")
    }
    try validateGradual()
    guard !learnsScales || quantization.scales != .powerOfTwo else {
      throw SettingsError("scales that are learned do not stay powers of two")
    }
    if followsMagnitudes {
      guard codesEveryStep, !learnsScales, quantization.scales != .powerOfTwo else {
        throw SettingsError(
          "running ranges are for activations that are quantized from the first step on, by scales that "
            + "are neither learned nor powers of two")
      }
    }
    guard normalization == .fold || quantization.scales != .powerOfTwo else {
      throw SettingsError(
        "normalizations that are kept become parts of scales, which do not stay powers of two")
    }
    if normalization == .keep, quantization.granularity != .channel {
      throw SettingsError(
        "normalizations are kept where every channel has a scale of its own, not with granularity "
          + "'\(quantization.granularity)'")
    }
    if compensates {
      guard schedule != .direct else {
        throw SettingsError(
          "the schedule 'direct' gives weights no codes that others could make up for")
      }
      if case .group = quantization.granularity {
        throw SettingsError(
          "weights make up for one another's errors by filter, not with granularity "
            + "'\(quantization.granularity)'")
      }
    }
    if order == .oscillation {
      guard codesEveryStep, schedule.groups > 1 else {
        throw SettingsError(
          "the order 'oscillation' is that of portions of a layer whose weights are coded in every "
            + "step before: the schedule 'filter' or 'neuron' of several groups, with 'quantized' for "
            + "unfrozen weights")
      }
    }
    if codesEveryStep, case .group = quantization.granularity {
      throw SettingsError("\(everywhere) has no granularity '\(quantization.granularity)'")
    }
  }

  private func validateGradual() throws(SettingsError) {
    guard quantizesGradually else { return }
    func refuse(_ what: String) -> SettingsError {
      SettingsError("layers that are quantized one after the other: \(what)")
    }
    guard codesEveryStep else {
      throw refuse("portions do that already where weights wait for their codes in float")
    }
    guard !followsMagnitudes else { throw refuse("running ranges are of all activations at once") }
    guard order != .oscillation else {
      throw refuse("the order 'oscillation' counts from the first step on what all layers do")
    }
    guard accumulator == nil else {
      throw refuse("accumulators of a width are kept by all layers from the first step on")
    }
  }
}
