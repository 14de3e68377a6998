import ArgumentParser
import Files
import LowBit

/// `qtool calibrate`
struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stream data through a model and write statistics of its activations.",
    discussion: examples(
      "qtool calibrate model.onnx --data 'images/?limit=500' -o model.stats",
      "qtool calibrate model.onnx --data images/ --shard 1/2 -o first.stats",
      "qtool calibrate --merge first.stats second.stats -o model.stats",
      "qtool quantize model.onnx --stats model.stats -o small.onnx"))

  @Argument(help: "The ONNX model; none with --merge.")
  var model: String?

  @Option(help: ArgumentHelp("Data: PATH or 'PATH?option=value&...'.", valueName: "spec"))
  var data: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Put statistics of parts of the data together.", valueName: "file"))
  var merge: [String] = []

  @Option(help: ArgumentHelp("Take part I of N of the data, 1 to N.", valueName: "i/n"))
  var shard: String?

  @Flag(
    name: .customLong("allow-nonfinite"), inversion: .prefixedNo,
    help: "Count NaN and infinities in activations instead of stopping.")
  var allowsNonFinite = false

  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if merge.isEmpty {
      guard model != nil, data != nil else {
        throw ValidationError("a model and --data are needed, or --merge")
      }
    } else if model != nil || data != nil || shard != nil {
      throw ValidationError("--merge takes neither a model nor --data nor --shard")
    }
  }

  func run() throws {
    try common.begin(self)
    try target.check()
    let statistics = try merge.isEmpty ? gathered() : merged()
    guard let statistics else { return }
    try AtomicFile.write(
      statistics.encoded(), to: target.output, overwrite: target.overwrite)
    let summary = Summary(statistics)
    try common.emit(summary) { summary.text(path: target.output) }
  }

  /// Statistics from data; `nil` after a dry run.
  private func gathered() throws -> Statistics? {
    guard let path = model, let data else { return nil }
    let part = try shardNumbers()
    let model = try FloatModel(path: path)
    var run = CalibrationRun(
      graph: model.prepared, specification: try DataSpecification(parsing: data))
    run.shard = part
    run.allowsNonFinite = allowsNonFinite
    run.seed = common.seed
    let names = model.prepared.quantizableValues
    let plan = try QuantizationPlan(model.prepared, settings: QuantizationSettings())
    if common.dryRun {
      try common.emit(names.sorted()) { names.sorted().joined(separator: "\n") }
      return nil
    }
    let observations = try device.run {
      try run.observations(
        of: names, channelAxes: plan.channelAxes, patches: plan.patches(for: nil), on: $0)
    }
    return Statistics(modelDigest: try model.digest(), observations)
  }

  private func merged() throws -> Statistics? {
    var whole = try Statistics(path: merge[0])
    for path in merge.dropFirst() {
      do {
        try whole.merge(Statistics(path: path))
      } catch let error as CalibrationError {
        throw CalibrationError("\(path): \(error)")
      }
    }
    return whole
  }

  private func shardNumbers() throws -> (number: Int, count: Int) {
    guard let shard else { return (0, 1) }
    let parts = shard.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard parts.count == 2, parts[1] > 0, (1...parts[1]).contains(parts[0]) else {
      throw UsageError("--shard \(shard): expected I/N with I from 1 to N")
    }
    return (parts[0] - 1, parts[1])
  }
}

extension Calibrate {
  /// What was seen, for people and programs.
  struct Summary: Encodable {
    struct Tensor: Encodable {
      var name: String
      var elements: UInt64
      var zeros: UInt64
      var nans: UInt64
      var infinities: UInt64
      var minimum: Float?
      var maximum: Float?
    }

    var samples: Int
    var data: [String]
    var tensors: [Tensor]

    init(_ statistics: Statistics) {
      samples = statistics.sampleCount
      data = statistics.sources.map(\.description)
      tensors = statistics.tensors.sorted { $0.key < $1.key }.map { name, tensor in
        Tensor(
          name: name, elements: tensor.elementCount, zeros: tensor.histogram.zeros,
          nans: tensor.histogram.nans, infinities: tensor.histogram.infinities,
          minimum: tensor.histogram.minimum, maximum: tensor.histogram.maximum)
      }
    }

    func text(path: String) -> String {
      let rows = tensors.map { tensor in
        "\(tensor.name)  \(tensor.minimum.map { "\($0)" } ?? "-")...\(tensor.maximum.map { "\($0)" } ?? "-")"
          + "  \(tensor.elements) elements"
      }
      return (["\(path): \(samples) samples, \(tensors.count) tensors"] + rows)
        .joined(separator: "\n")
    }
  }
}
