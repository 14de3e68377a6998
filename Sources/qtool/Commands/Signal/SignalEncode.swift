import ArgumentParser
import Bitstream
import Files
import Signalling

/// `qtool signal encode`
struct SignalEncode: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Write the messages of a quantized model as NAL units.",
    discussion: examples(
      "qtool signal encode small.onnx -o small.bit",
      "qtool signal encode tuned.onnx --base small.onnx -o update.bit",
      "qtool signal encode small.onnx --codec vvc --carrier aps -o small.bit"))

  @Argument(help: "The quantized ONNX model.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(help: "The codec whose NAL units are written: hevc or vvc.")
  var codec = VideoCodec.hevc

  @OptionGroup var content: MessageOptions
  @OptionGroup var signals: SignalOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    try target.check()
    try content.check(codec)
    try signals.check(overwrite: target.overwrite)
    let (messages, tensors) = try signals.messages(of: model, content)
    try inside(model) { () throws(BitstreamError) in try messages.requireReadable() }
    let units = messages.units(codec, carrier: content.carrier)
    let report = SignalReport(messages, bytes: units.count, tensorBytes: tensors.count)
    if !common.dryRun {
      try AtomicFile.write(units, to: target.output, overwrite: target.overwrite)
      if let path = signals.tensors {
        try AtomicFile.write(tensors, to: path, overwrite: target.overwrite)
      }
    }
    try common.emit(report) { report.text }
  }
}
