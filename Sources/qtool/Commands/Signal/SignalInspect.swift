import ArgumentParser
import Bitstream
import Files
import Signalling

/// `qtool signal inspect`
struct SignalInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the NAL units of a stream, and what our messages in it say.",
    discussion: examples(
      "qtool signal inspect signalled.hevc", "qtool signal inspect tensors.nnr --values --json")
      + "\n\nA stream of ISO/IEC 15938-17 by itself is shown as well.")

  @Argument(help: "The byte stream.", completion: .file())
  var stream: String

  @Option(help: "The stream's codec, hevc or vvc; else as its first NAL unit says.")
  var codec: VideoCodec?

  @Flag(inversion: .prefixedNo, help: "List every NAL unit.")
  var units = false

  @Flag(inversion: .prefixedNo, help: "Show the values of tensors (JSON only).")
  var values = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    let bytes = try WholeFile.read(stream, limit: 1 << 32)
    let report = try inside(stream) { () throws(BitstreamError) -> StreamReport in
      try self.report(of: bytes)
    }
    try common.emit(report) { report.text }
  }

  private func report(of bytes: [UInt8]) throws(BitstreamError) -> StreamReport {
    if CompressedNetwork.isStream(bytes) {
      let tensors = try CompressedNetwork.decode(bytes)
      return StreamReport(tensors: tensors.map { TensorReport($0, showsValues: values) })
    }
    let stream = try ByteStream(bytes, codec: codec)
    return try StreamReport(stream, listsUnits: units, showsValues: values)
  }
}
