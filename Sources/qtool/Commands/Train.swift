import ArgumentParser
import Files
import LowBit

/// `qtool train`
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model on data, in few bits or in float.",
    discussion: examples(
      "qtool train model.onnx --data train/ --validation test/ --preset w4a4 --epochs 20 -o q.onnx",
      "qtool train model.onnx --data images/ --loss distill --weight-bits 3 --activation-bits 3 "
        + "--schedule neuron --groups 8 --epochs 20 -o q.onnx",
      "qtool train model.onnx --data train/ --preset w4a4 --run runs/1 -o q.onnx --resume",
      "qtool train model.onnx --bits float --data train/ --augment flip,crop:4 --initialize -o f.onnx"
    )
      + """


      Every epoch sees the data in another order, in whole batches; what is left over makes no \
      batch and differs from epoch to epoch. The run folder holds settings, log and the last \
      checkpoint; --resume goes on from it, with the bytes of a run that was never stopped.
      """)

  /// What the result is made of.
  enum Bits: String, ExpressibleByArgument, CaseIterable {
    /// Codes, as quantization-aware training makes them.
    case quantized
    /// Floats: nothing is quantized.
    case float
  }

  @Argument(help: "The ONNX model in float.", completion: .file(extensions: ["onnx"]))
  var model: String

  @OptionGroup var data: DataOptions

  @Option(
    help: ArgumentHelp("Data to measure on after every epoch, as --data.", valueName: "spec"),
    completion: .file())
  var validation: String?

  @Option(
    help: ArgumentHelp(
      "quantized, by the options below, or float: nothing is quantized.", valueName: "bits"))
  var bits: Bits = .quantized

  @OptionGroup var training: TrainingOptions
  @OptionGroup var quantized: QuantizedTrainingOptions
  @OptionGroup var quantization: QuantizationOptions

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "The folder of settings, log and checkpoint. Default: the output's name with .run behind it.",
      valueName: "folder"), completion: .directory)
  var runFolder: String?

  @Flag(inversion: .prefixedNo, help: "Go on from the run folder's checkpoint, where it has one.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "A checkpoint after so many steps, besides those after epochs.", valueName: "count"))
  var checkpointSteps: Int?

  @Option(help: ArgumentHelp("Threads that read and prepare data.", valueName: "count"))
  var threads = 2

  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let checkpointSteps, checkpointSteps < 1 {
      throw ValidationError("--checkpoint-steps: at least 1 is needed")
    }
    if training.reestimate > 0, normalization == .fold {
      throw ValidationError("--reestimate: --normalization fold leaves no statistics to find")
    }
    if !(1...64).contains(threads) { throw ValidationError("--threads: 1 to 64 are possible") }
  }

  /// What becomes of BatchNormalization.
  var normalization: NormalizationTreatment {
    training.normalization ?? (bits == .float ? .keep : .fold)
  }

  func run() throws {
    try common.begin(self)
    try target.check()
    if bits == .float {
      let idle = try Configuration.changedSettings().intersection(QuantizedTrainingOptions.names)
      guard idle.isEmpty else {
        throw UsageError(
          "--bits float quantizes nothing; without meaning there: "
            + idle.sorted().map { "--\($0)" }.joined(separator: ", "))
      }
    }
    let foreign = try quantization.settings().improvements
      .intersection(Improvement.postTrainingOnly)
    if let pass = foreign.min() {
      throw UsageError(
        "--improve \(pass.rawValue) is for 'qtool quantize': training moves weights itself "
          + "(--compensate rounds them so that they make up for one another's errors)")
    }
    guard try quantization.settings().activationRange != .crossEntropy else {
      throw UsageError("--range crossentropy is for 'qtool quantize': training moves ranges itself")
    }
    let job = try TrainingJob(self)
    try job.folder.check(resuming: resume, overwrite: target.overwrite)
    if common.dryRun {
      let outline = try job.outline(device: device.open().name)
      return try common.emit(outline) { outline.text }
    }
    if !resume || !job.folder.hasCheckpoint {
      if resume {
        Console.shared.note(
          "'\(job.folder.path)' has no checkpoint: the run begins at its beginning")
      }
      try job.folder.begin(settings: Configuration.resolvedSettings())
    }
    if job.stream.leftOver > 0 {
      Console.shared.note(
        "\(job.stream.leftOver) of \(job.stream.data.count) samples make no whole batch of "
          + "\(job.stream.batchSize) and are left out, others in every epoch")
    }
    // On a device that fails in the middle the reference goes on from the last checkpoint.
    let result = try device.run { try job.train(on: $0) }
    try common.emit(result) { result.text }
  }
}
