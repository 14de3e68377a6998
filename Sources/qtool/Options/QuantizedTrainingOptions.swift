public import ArgumentParser
public import LowBit

/// How a network is quantized while it is trained.
struct QuantizedTrainingOptions: ParsableArguments {
  /// The schedule, without its groups.
  enum Course: String, ExpressibleByArgument, CaseIterable, Encodable {
    case direct, layer, filter, neuron
  }

  /// What stands still.
  enum Freeze: String, ExpressibleByArgument, CaseIterable, Encodable { case weights, all }

  @Option(
    help: ArgumentHelp(
      "Options of a method, where they are not given: settle (layers coded in every step, one after the "
        + "other; filters settled in the second half), or as published gao (layers in fixed point), yang (1/N of the filters), "
        + "sriram (at once, running ranges) or sher (neurons); --dry-run shows them."))
  var method: TrainingMethod = .settle

  @Option(
    help: ArgumentHelp(
      "direct (everything at once), layer by layer, or filter or neuron: --groups portions of a layer."
    ))
  var schedule: Course = .filter

  @Option(
    help: ArgumentHelp(
      "Portions of a layer for --schedule filter and neuron; as many as channels is one at a time.",
      valueName: "count"))
  var groups = 4

  @Option(
    help: ArgumentHelp(
      "Weights that wait for their codes: float, or quantized (anew in every step, as with --schedule "
        + "direct; portions only settle codes)."))
  var unfrozen: UnfrozenWeights = .quantized

  @Option(
    name: .customLong("free-epochs"),
    help: ArgumentHelp(
      "Passes with --unfrozen quantized before the first codes are settled, those of --gradual-epochs "
        + "among them; half of --epochs.",
      valueName: "count"))
  var freeEpochs: Double?

  @Option(
    name: .customLong("gradual-epochs"),
    help: ArgumentHelp(
      "Passes in which layers are quantized one after the other, with --unfrozen quantized or --schedule "
        + "direct; 0 quantizes all at the start. Else, where portions settle codes, two fifths of --epochs or, "
        + "with --epochs-per-step, a stage a layer; at most --free-epochs.",
      valueName: "count"))
  var gradualEpochs: Double?

  @Option(
    help: ArgumentHelp(
      "The order of a layer's filters: index, norm (largest first), error (smallest first) or, with "
        + "--unfrozen quantized, oscillation (codes that turned back least before)."))
  var order: FilterOrder = .index

  @Option(
    help: ArgumentHelp(
      "Quantizers of activations that let derivatives pass: all, previous (the input of the layer being "
        + "quantized) or none."))
  var ste: StraightThrough = .all

  @Option(
    help: "What stands still once weights have codes: weights, or all (biases and scales too).")
  var freeze: Freeze = .weights

  @Flag(
    name: .customLong("borders-last"), inversion: .prefixedNo,
    help: "Quantize layers that keep 256 levels after the others.")
  var leavesBordersForLast = false

  @Flag(
    name: .customLong("learn-scales"), inversion: .prefixedNo, help: "Train scales, too.")
  var learnsScales = true

  @Flag(
    name: .customLong("running-range"), inversion: .prefixedNo,
    help: "Let ranges of activations follow a running average of each batch's largest magnitude.")
  var followsMagnitudes = false

  @Flag(
    inversion: .prefixedNo,
    help: "Let a filter's weights make up for one another's errors when they get their codes.")
  var compensate = false

  @Option(
    help: ArgumentHelp(
      "Train for accumulators of so many bits, 8 to 32: codes of weights and biases are kept such that no "
        + "sum can leave the width, and the result is proven.",
      valueName: "bits"))
  var accumulatorBits: Int?

  @Option(
    help: ArgumentHelp(
      "How codes are kept within --accumulator-bits: a2q (a filter's magnitudes have a bound), signs "
        + "(positive and negative codes have a bound each) or a2q+ (the same, filters are centred); "
        + "else a2q.",
      valueName: "name"))
  var accumulatorConstraint: AccumulatorConstraint?

  @Option(
    help: ArgumentHelp(
      "Samples that histograms of activations are made of, in whole batches.", valueName: "count"))
  var calibration = 512

  func validate() throws {
    guard groups > 0 else { throw ValidationError("--groups: at least 1 is needed") }
    guard (freeEpochs ?? 0).isFinite, freeEpochs ?? 0 >= 0 else {
      throw ValidationError("--free-epochs: a number from 0 on is needed")
    }
    guard freeEpochs == nil || settlesLater else {
      throw ValidationError(
        "--free-epochs: without --unfrozen quantized and a --schedule other than direct there is "
          + "nothing before the first portion")
    }
    guard (gradualEpochs ?? 0).isFinite, gradualEpochs ?? 0 >= 0 else {
      throw ValidationError("--gradual-epochs: a number from 0 on is needed")
    }
    if let accumulatorBits, !AccumulatorWidth.range.contains(accumulatorBits) {
      throw ValidationError("--accumulator-bits \(accumulatorBits): 8 to 32 are possible")
    }
    guard accumulatorConstraint == nil || accumulatorBits != nil else {
      throw ValidationError("--accumulator-constraint needs --accumulator-bits")
    }
    guard calibration > 0 else { throw ValidationError("--calibration: at least 1 is needed") }
  }

  /// The long names of options that say how a network is quantized, here and in
  /// ``QuantizationOptions``.
  static let names: Set<String> = [
    "accumulator-bits", "accumulator-constraint", "activation-bits", "activation-levels",
    "borders-last", "calibration", "compensate",
    "first-last", "free-epochs", "freeze", "gradual-epochs", "granularity", "groups", "improve",
    "layer", "learn-scales", "method", "only", "order", "preset", "range", "requantization",
    "running-range", "schedule", "scheme", "skip", "ste", "target", "unfrozen", "weight-bits",
    "weight-levels", "weight-range",
  ]

  /// Whether a stage in which everything moves comes before those that settle codes.
  private var settlesLater: Bool { unfrozen == .quantized && schedule != .direct }

  /// Whether layers are quantized one after the other at the beginning.
  ///
  /// <doc:SchedulesCompared> has what it brings; it is left where
  /// ``LowBit/QuantizedTrainingSettings/validate()`` would refuse it.
  private var isGradual: Bool {
    if let gradualEpochs { return gradualEpochs > 0 }
    return settlesLater && order != .oscillation && !followsMagnitudes && accumulatorBits == nil
  }

  /// The first stages, which settle nothing: those in which layers are quantized one after the other, and
  /// the one in which everything moves.
  func leading(
    _ length: TrainingPlan.Length, of stages: [TrainingStage]
  ) throws -> [TrainingPlan.Leading] {
    let joining = stages.prefix { $0.settlesNothing && $0.layer != nil }.count
    let gradual: Double
    let free: Double?
    switch length {
    case .total(let all):
      gradual = gradualEpochs ?? min(all * 2 / 5, freeEpochs ?? all)
      free = freeEpochs ?? max(all / 2, gradualEpochs ?? 0)
    case .perStage(let each):
      gradual = gradualEpochs ?? min(each * Double(joining), freeEpochs ?? .infinity)
      free = freeEpochs
    }
    var leading: [TrainingPlan.Leading] = []
    var epochs = 0.0
    if joining > 0 {
      leading.append(.init(stageCount: joining, epochs: gradual))
      epochs = gradual
    }
    let hasFreeStage = stages.count > joining + 1 && stages[joining].settlesNothing
    if hasFreeStage, let free {
      guard free > 0 || order != .oscillation else {
        throw UsageError(
          "--free-epochs 0: no step would count oscillations for --order oscillation")
      }
      guard free >= epochs else {
        throw UsageError(
          "--free-epochs \(free): the \(epochs) in which layers are quantized one after the other "
            + "(--gradual-epochs) are among them")
      }
      leading.append(.init(stageCount: 1, epochs: free - epochs))
      epochs = free
    }
    if case .total(let all) = length, !leading.isEmpty, epochs >= all {
      throw UsageError(
        "\(hasFreeStage ? "--free-epochs" : "--gradual-epochs") \(epochs): of \(all) epochs in all none is left "
          + "for the stages that come after them")
    }
    return leading
  }

  /// The settings of a session.
  func settings(
    _ quantization: QuantizationSettings, normalization: NormalizationTreatment
  ) throws -> QuantizedTrainingSettings {
    let schedule: Schedule =
      switch schedule {
      case .direct: .direct
      case .layer: .layer
      case .filter: .filter(groups: groups)
      case .neuron: .neuron(groups: groups)
      }
    let settings = QuantizedTrainingSettings(
      quantization: quantization, schedule: schedule, unfrozen: unfrozen,
      quantizesGradually: isGradual, order: order,
      straightThrough: ste, freezing: freeze == .weights ? .weights : .everything,
      leavesBordersForLast: leavesBordersForLast, learnsScales: learnsScales,
      followsMagnitudes: followsMagnitudes,
      compensates: compensate, normalization: normalization,
      accumulator: accumulatorBits.map {
        AccumulatorTraining(bits: $0, constraint: accumulatorConstraint ?? .a2q)
      })
    try settings.validate()
    return settings
  }
}

extension AccumulatorConstraint: ExpressibleByArgument {}
extension UnfrozenWeights: ExpressibleByArgument {}
extension FilterOrder: ExpressibleByArgument {}
extension StraightThrough: ExpressibleByArgument {}
