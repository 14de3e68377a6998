import ArgumentParser
import Files
import LowBit

/// `qtool train`
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model on data, on any OpenCL device.",
    discussion: examples(
      "qtool train model.onnx --bits float --data 'train-images-idx3-ubyte.gz?scale=1/255' -o t.onnx",
      "qtool train model.onnx --bits float --data train/ --validation test/ --epochs 20 "
        + "--augment flip,crop:4 -o t.onnx",
      "qtool train model.onnx --bits float --data images/ --loss distill --teacher large.onnx -o t.onnx",
      "qtool train model.onnx --bits float --data train/ --initialize --rate 0.05 --run runs/1 -o t.onnx",
      "qtool train model.onnx --bits float --data train/ --initialize --rate 0.05 --run runs/1 "
        + "-o t.onnx --resume")
        + """


        Every epoch sees the data in another order, in whole batches; what is left over makes no \
        batch and differs from epoch to epoch. The run folder holds settings, log and the last \
        checkpoint; --resume goes on from it, with the bytes of a run that was never stopped.
        """)

  /// What the result is made of.
  enum Bits: String, ExpressibleByArgument, CaseIterable { case float }

  @Argument(help: "The ONNX model in float.", completion: .file(extensions: ["onnx"]))
  var model: String

  @OptionGroup var data: DataOptions

  @Option(
    help: ArgumentHelp("Data to measure on after every epoch, as --data.", valueName: "spec"),
    completion: .file())
  var validation: String?

  @Option(help: ArgumentHelp("float: nothing is quantized.", valueName: "bits"))
  var bits: Bits

  @OptionGroup var training: TrainingOptions

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
    if !(1...64).contains(threads) { throw ValidationError("--threads: 1 to 64 are possible") }
  }

  func run() throws {
    try common.begin(self)
    try target.check()
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
