public import ArgumentParser
import LowBit

/// How a network is trained.
struct TrainingOptions: ParsableArguments {
  /// What is made small.
  enum Target: String, ExpressibleByArgument, CaseIterable, Encodable {
    /// Cross-entropy with the data's labels.
    case labels
    /// Kullback-Leibler divergence from the teacher's answers.
    case distill
    /// Mean squared difference from the teacher's outputs.
    case mse
  }

  /// The rule of the optimizer.
  enum Rule: String, ExpressibleByArgument, CaseIterable, Encodable { case sgd, adamw }

  /// How the rate falls.
  enum Course: String, ExpressibleByArgument, CaseIterable, Encodable {
    case constant, step, cosine
  }

  @Option(
    help: ArgumentHelp(
      "Passes over the data in all; parts of one are possible.", valueName: "count"))
  var epochs: Double?

  @Option(
    name: .customLong("epochs-per-step"),
    help: ArgumentHelp("Passes for each stage, in place of --epochs.", valueName: "count"))
  var epochsPerStep: Double?

  @Option(
    help: ArgumentHelp("Samples in a batch; 64 unless the data say batch=.", valueName: "count"))
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "labels; distill (answers of the float model, no labels needed) or mse (its outputs, for networks "
        + "that do not classify)."))
  var loss: Target = .labels

  @Option(
    help: ArgumentHelp("Softens the answers for --loss distill.", valueName: "factor"))
  var temperature: Float = 1

  @Option(
    help: ArgumentHelp(
      "The labels' share of --loss distill, from 0 (which needs none) to below 1.",
      valueName: "share"))
  var labelWeight: Float = 0

  @Option(
    help: ArgumentHelp(
      "The float model that teaches. Default: the model itself.", valueName: "model"),
    completion: .file(extensions: ["onnx"]))
  var teacher: String?

  @Option(help: "sgd or adamw.")
  var optimizer: Rule = .sgd

  @Option(
    help: ArgumentHelp(
      "The highest learning rate; 0.01, or 0.001 with adamw and steps that are not relative.",
      valueName: "rate"))
  var rate: Double?

  @Flag(
    name: .customLong("relative-steps"), inversion: .prefixedNo,
    help: ArgumentHelp(
      "Train each tensor in units of its root mean square: for networks whose tensors differ by orders "
        + "of magnitude, as those do that take bytes as they are. The rate is 0.01 then."))
  var usesRelativeSteps = false

  @Option(help: "constant, step or cosine (to 0).")
  var rateSchedule: Course = .cosine

  @Option(
    help: ArgumentHelp(
      "Where a step schedule falls: parts of all steps, separated by commas.", valueName: "parts"))
  var milestones = "0.5,0.75"

  @Option(help: ArgumentHelp("What a step schedule falls by.", valueName: "factor"))
  var rateFactor = 0.1

  @Option(help: ArgumentHelp("Epochs in which the rate rises to its highest.", valueName: "count"))
  var warmup = 0.0

  @Flag(
    name: .customLong("restart-rate"), inversion: .prefixedNo,
    help: "Begin the rate's schedule anew with every stage.")
  var restartsRate = false

  @Option(help: ArgumentHelp("Momentum of sgd.", valueName: "factor"))
  var momentum: Float = 0.9

  @Option(help: ArgumentHelp("Weight decay.", valueName: "factor"))
  var weightDecay: Float = 0

  @Option(
    help: ArgumentHelp("Shorten a gradient whose 2-norm is larger.", valueName: "norm"))
  var clipNorm: Float?

  @Option(
    help: ArgumentHelp(
      "Change images each time: flip, crop:PIXELS, rotate:DEGREES, separated by commas; black comes in "
        + "from outside.", valueName: "changes"))
  var augment: String?

  @Option(
    help: ArgumentHelp(
      "BatchNormalization: fold (into the layer before; the default where layers are quantized) or keep "
        + "(trained with the batch's statistics; the default in float)."))
  var normalization: NormalizationTreatment?

  @Option(
    help: ArgumentHelp(
      "Samples that statistics of normalizations are found with after the last step; 0 leaves running "
        + "averages.", valueName: "count"))
  var reestimate = 0

  @Flag(
    inversion: .prefixedNo,
    help: "Begin with weights drawn anew (He et al.), not with the model's.")
  var initialize = false

  func validate() throws {
    try check(epochs == nil || epochsPerStep == nil, "give --epochs or --epochs-per-step, not both")
    try check((epochs ?? epochsPerStep ?? 1) > 0, "--epochs: more than 0 are needed")
    try check(batch ?? 1 > 0, "--batch: at least 1 is needed")
    try check(rate ?? 0 >= 0 && (rate ?? 0).isFinite, "--rate: a number from 0 on is needed")
    try check(temperature > 0 && temperature.isFinite, "--temperature: above 0")
    try check((0..<1).contains(labelWeight), "--label-weight: from 0 to below 1")
    try check(
      labelWeight == 0 || loss == .distill,
      "--label-weight: of \(loss == .labels ? "labels alone" : "--loss mse") there is no share; say "
        + "--loss distill")
    try check(warmup >= 0, "--warmup: a number from 0 on is needed")
    try check((0..<1).contains(momentum), "--momentum: from 0 to below 1")
    try check(weightDecay >= 0 && weightDecay.isFinite, "--weight-decay: a number from 0 on")
    try check(reestimate >= 0, "--reestimate: a number from 0 on is needed")
    try check(clipNorm ?? 1 > 0, "--clip-norm: above 0")
    try check(
      !usesRelativeSteps || optimizer == .adamw,
      "--relative-steps: steps of sgd shrink with the square of a tensor's magnitude; say --optimizer adamw"
    )
    try check(
      teacher == nil || loss != .labels, "--teacher: --loss labels has none; say --loss distill")
  }

  private func check(_ holds: Bool, _ message: String) throws {
    guard holds else { throw ValidationError(message) }
  }

  /// The loss as the step computes it.
  var stepLoss: Loss {
    switch loss {
    case .labels: .crossEntropy
    case .distill: .distillation(temperature: temperature, labelWeight: labelWeight)
    case .mse: .squaredError
    }
  }

  /// The optimizer.
  var stepOptimizer: Optimizer {
    Optimizer(
      optimizer == .sgd ? .momentum(momentum) : .adam(), weightDecay: weightDecay,
      maximumNorm: clipNorm, usesRelativeSteps: usesRelativeSteps)
  }

  /// The length.
  var length: TrainingPlan.Length {
    epochsPerStep.map { .perStage($0) } ?? .total(epochs ?? 10)
  }

  /// The rates, for epochs of so many steps.
  func rates(stepsPerEpoch: Int) throws -> RateSchedule {
    let course: RateSchedule.Course
    switch rateSchedule {
    case .constant: course = .constant
    case .cosine: course = .cosine
    case .step:
      let places = try milestones.split(separator: ",", omittingEmptySubsequences: false).map {
        guard let place = Double($0), (0...1).contains(place) else {
          throw UsageError("--milestones \(milestones): '\($0)' is no part of all steps, 0 to 1")
        }
        return place
      }
      course = .step(at: places, factor: rateFactor)
    }
    let customary = optimizer == .sgd || usesRelativeSteps ? 0.01 : 0.001
    return RateSchedule(
      peak: rate ?? customary, course: course,
      warmup: Int((warmup * Double(stepsPerEpoch)).rounded()))
  }

  /// How images are changed.
  func augmentation() throws -> Augmentation? { try augment.map { try Augmentation(parsing: $0) } }
}

extension NormalizationTreatment: ExpressibleByArgument {}
