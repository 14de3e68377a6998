public import ArgumentParser
import Files
public import LowBit
import Signalling
import Video

/// `qtool signal overfit`
struct SignalOverfit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overfit",
    abstract: "Overfit multipliers or biases of a quantized filter to pictures.",
    discussion: examples(
      "qtool signal overfit filter.onnx --pictures decoded.y4m --originals video.y4m -o tuned.onnx",
      "qtool signal overfit filter.onnx --pictures decoded.y4m --originals video.y4m --qp 37 -o tuned.onnx",
      "qtool signal mux tuned.onnx signalled.hevc --base filter.onnx -o tuned.hevc")
      + "\n\nEverything else is frozen. What is found is rounded to integers and judged by the filter on "
      + "integers; where the update costs more than it gives, the base itself is written. What it costs is "
      + "the length of the messages that 'qtool signal mux' writes with the same options.")

  @Argument(
    help: "The quantized ONNX model, with QLinearConv.", completion: .file(extensions: ["onnx"]))
  var model: String

  @OptionGroup var video: PicturePairOptions

  @Option(help: "multipliers, biases, or both.")
  var train = OverfittedParameters.multipliers

  @Option(help: ArgumentHelp("Passes over the pictures.", valueName: "count"))
  var epochs = OverfittingPlan().epochs

  @Option(help: ArgumentHelp("The highest learning rate, of Adam.", valueName: "rate"))
  var rate = OverfittingPlan().rate

  @OptionGroup var weight: LambdaOptions
  @OptionGroup var content: MessageOptions
  @OptionGroup var cost: MessageCostOptions

  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (1...100_000).contains(epochs), rate > 0, rate.isFinite else {
      throw ValidationError("--epochs is at least 1, --rate above 0.")
    }
  }

  func run() throws {
    try common.begin(self)
    try target.check()
    let graph = try ONNXReader.read(path: model)
    let pairs = try video.pairs()
    var plan = OverfittingPlan()
    plan.parameters = train
    plan.epochs = epochs
    plan.rate = rate
    plan.lambda = weight.lambdaOfBits
    plan.messages = try cost.form(content)
    if common.dryRun {
      return try common.emit(["epochs": epochs]) { "overfits \(train) for \(epochs) epochs" }
    }
    let report = try device.run { try overfit(graph, pairs, plan, on: $0) }
    try common.emit(report) { report.text }
  }

  private func overfit(
    _ graph: Graph, _ pairs: VideoPairs, _ plan: OverfittingPlan, on backend: some Backend
  ) throws -> OverfitReport {
    do {
      guard
        let property = try SignalMessages(of: graph, plan.messages.settings).characteristics
          .property
      else { preconditionFailure("a base without properties") }
      var overfitting = try Overfitting(
        graph, property, pictures: pairs.pairs, plan: plan, on: backend)
      let base = try overfitting.unchanged()
      var progress = Progress("overfit", count: plan.epochs, unit: "epochs")
      let best = try overfitting.run { _, best in
        progress.advance(detail: "\(formatted(pairs.decibels(best.squaredError), digits: 3)) dB")
      }
      progress.finish()
      try ONNXWriter.write(
        best.graph, to: target.output,
        irVersion: QuantizedModel.irVersion(opset: best.graph.opsets[""] ?? 13),
        overwrite: target.overwrite)
      return OverfitReport(
        model: model, output: target.output, device: backend.name, parameters: train,
        lambda: plan.lambda, pictures: pairs.pairs.count,
        decoded: pairs.decibels(pairs.squaredError), base: pairs.decibels(base.squaredError),
        overfitted: pairs.decibels(best.squaredError), updateBytes: best.updateBytes,
        isUpdated: best.epoch > 0, epoch: best.epoch, shift: best.shift)
    } catch let error as GraphError {
      throw error.located(in: model)
    }
  }
}

/// What came of overfitting; decibels are of all samples of all pictures.
struct OverfitReport: Encodable {
  var model: String
  var output: String
  var device: String
  var parameters: OverfittedParameters
  var lambda: Double
  var pictures: Int
  var decoded: Double
  var base: Double
  var overfitted: Double
  /// Bytes of the update's NAL units.
  var updateBytes: Int
  /// Whether there is an update; else the base is better for its bytes.
  var isUpdated: Bool
  var epoch: Int
  /// Fraction bits of multipliers.
  var shift: Int?

  var text: String {
    "PSNR of \(pictures) pictures: decoded \(formatted(decoded, digits: 3)) dB, base "
      + "\(formatted(base, digits: 3)) dB, overfitted \(formatted(overfitted, digits: 3)) dB\n"
      + (isUpdated
        ? "update: \(updateBytes) bytes, \(parameters)"
          + (shift.map { " on a grid of 2^-\($0)" } ?? "")
          + ", after epoch \(epoch)"
        : "no update: it costs more than it gives")
      + "\nwritten: \(output)"
  }
}

extension OverfittedParameters: ExpressibleByArgument {}
