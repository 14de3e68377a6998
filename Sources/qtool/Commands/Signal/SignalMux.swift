import ArgumentParser
import Bitstream
import Files
import Signalling

/// `qtool signal mux`
struct SignalMux: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mux",
    abstract: "Insert the messages of a quantized model into a video bitstream.",
    discussion: examples(
      "qtool signal mux small.onnx video.hevc -o signalled.hevc",
      "qtool signal mux tuned.onnx signalled.hevc --base small.onnx --picture 8 -o tuned.hevc"))

  @Argument(help: "The quantized ONNX model.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(help: "The byte stream.", completion: .file())
  var stream: String

  @Option(help: "The stream's codec, hevc or vvc; else as its first NAL unit says.")
  var codec: VideoCodec?

  @Option(
    help: ArgumentHelp(
      "Insert before this picture, counted from 0 in decoding order; else before the first.",
      valueName: "n"))
  var picture: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "Insert before every picture at which decoding can begin instead.")
  var everyRandomAccess = false

  @OptionGroup var content: MessageOptions
  @OptionGroup var signals: SignalOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if picture != nil, everyRandomAccess {
      throw ValidationError("--picture and --every-random-access exclude each other.")
    }
    if signals.pictureHash != nil, everyRandomAccess {
      throw ValidationError(
        "--picture-hash is of one picture, --every-random-access puts messages before several.")
    }
  }

  func run() throws {
    try common.begin(self)
    try target.check()
    let original = try SignalStream.read(stream, codec: codec)
    try content.check(original.codec)
    try signals.check(overwrite: target.overwrite)
    let known = try SignalStream.receive(original, path: stream).networks[content.id]
    if signals.base == nil, known != nil {
      throw UsageError(
        "\(stream): has a network \(content.id) already; --id takes another number, "
          + "'qtool signal strip' removes it")
    }
    let (messages, tensors) = try signals.messages(of: model, content)
    let result = try inside(stream) { () throws(BitstreamError) in
      let bytes = try original.inserting(
        messages, carrier: content.carrier,
        before: everyRandomAccess ? .everyRandomAccess : .picture(picture ?? 0))
      // An update before its base, for instance, shows here.
      _ = try SignalReceiver(try ByteStream(bytes, codec: original.codec))
      return bytes
    }
    if !everyRandomAccess { warnOfLaterSequences(of: original) }
    let report = SignalReport(
      messages, bytes: result.count - original.bytes.count, tensorBytes: tensors.count)
    if !common.dryRun {
      try AtomicFile.write(result, to: target.output, overwrite: target.overwrite)
      if let path = signals.tensors {
        try AtomicFile.write(tensors, to: path, overwrite: target.overwrite)
      }
    }
    try common.emit(report) { report.text }
  }

  /// Says where the messages end before the stream does.
  private func warnOfLaterSequences(of original: ByteStream) {
    let later = original.sequences(behind: picture ?? 0)
    guard let end = later.first else { return }
    Console.shared.warn(
      "\(stream): \(signals.base == nil ? "network" : "the update of network") \(content.id) ends at "
        + "picture \(end), at the end of its coded layer video sequence; "
        + (later.count == 1 ? "1 sequence begins" : "\(later.count) sequences begin")
        + " behind it, --every-random-access puts the messages into each")
  }
}
