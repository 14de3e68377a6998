import ArgumentParser
import Bitstream
import Files
import Signalling

/// `qtool signal strip`
struct SignalStrip: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strip",
    abstract: "Remove our messages from a video bitstream.",
    discussion: examples("qtool signal strip signalled.hevc -o video.hevc"))

  @Argument(help: "The byte stream.", completion: .file())
  var stream: String

  @Option(help: "The stream's codec, hevc or vvc; else as its first NAL unit says.")
  var codec: VideoCodec?

  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    try target.check()
    let original = try SignalStream.read(stream, codec: codec)
    let bytes = original.withoutSignals()
    let result = Result(
      output: target.output, units: original.signalUnits.count,
      bytes: original.bytes.count - bytes.count)
    if !common.dryRun {
      try AtomicFile.write(bytes, to: target.output, overwrite: target.overwrite)
    }
    try common.emit(result) {
      "removed: \(result.units) NAL units, \(result.bytes) bytes\nwritten: \(result.output)"
    }
  }

  /// What was removed.
  struct Result: Encodable {
    var output: String
    var units: Int
    var bytes: Int
  }
}
