import ArgumentParser
import Bitstream
import Checksums
import Files
import LowBit
import Signalling
import Video

/// `qtool signal filter`
struct SignalFilter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filter",
    abstract: "Filter decoded pictures by the network that their bitstream holds.",
    discussion: examples(
      "ffmpeg -i signalled.hevc decoded.y4m",
      "qtool signal filter signalled.hevc --pictures decoded.y4m -o filtered.y4m",
      "qtool signal filter signalled.hevc --pictures decoded.yuv --size 352x288 -o filtered.yuv",
      "qtool signal filter small.bit --pictures decoded.y4m -o filtered.y4m --json")
      + "\n\nPictures are YUV4MPEG2 or raw, 4:2:0 with 8 bits, in the order of output. Where a message "
      + "states the MD5 of the picture behind it, the filtered picture must have it. Before the first "
      + "activation, after one that cancels and from the next coded video sequence on, pictures stay as they are."
  )

  @Argument(help: "The byte stream.", completion: .file())
  var stream: String

  @Option(help: ArgumentHelp("The decoded pictures.", valueName: "file"), completion: .file())
  var pictures: String

  @Option(help: ArgumentHelp("Width and height of raw pictures.", valueName: "WxH"))
  var size: PictureSize?

  @Option(help: ArgumentHelp("The network's number, nnpfc_id; else the only one.", valueName: "n"))
  var id: Int?

  @Option(
    help: ArgumentHelp(
      "A model with the operators, where the base in the stream does not carry them.",
      valueName: "model"), completion: .file(extensions: ["onnx"]))
  var base: String?

  @OptionGroup var located: LocatedTensorOptions

  @Option(help: "The stream's codec, hevc or vvc; else as its first NAL unit says.")
  var codec: VideoCodec?

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Pictures are put out in the order in which they are decoded, so that messages may stand before any "
        + "picture."))
  var sameOrder = false

  @OptionGroup var device: DeviceOptions
  @OptionGroup var target: TargetOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    try target.check()
    let bytes = try SignalStream.read(stream, codec: codec)
    let located = try located.read(for: bytes, path: stream)
    let timeline = try inside(stream) { () throws(BitstreamError) in
      try SignalTimeline(bytes, keepsOrder: sameOrder, tensorsAt: located)
    }
    let network = try SignalStream.identifier(id, of: timeline.identifiers, path: stream)
    let video = try VideoReader(pictures, size: size.map { ($0.width, $0.height) })
    guard timeline.pictureCount == 0 || timeline.pictureCount == video.count else {
      throw VideoError(
        path: pictures,
        "holds \(video.count) pictures, '\(stream)' has \(timeline.pictureCount) coded ones")
    }
    guard video.count > 0 else {
      throw VideoError(path: pictures, "holds no picture")
    }
    if common.dryRun {
      let applied = (0..<video.count).count { timeline.applied(to: $0, of: network) != nil }
      return try common.emit(["network": network, "pictures": video.count, "filtered": applied]) {
        "filters \(applied) of \(video.count) pictures by network \(network)"
      }
    }
    let report = try device.run { try filter(video, timeline, network, on: $0) }
    try common.emit(report) { report.text }
  }

  private func filter(
    _ video: VideoReader, _ timeline: SignalTimeline, _ network: Int, on backend: some Backend
  ) throws -> FilterReport {
    var filter = StreamFilter(timeline, network: network, on: backend) {
      try SignalStream.graph(of: $0, in: stream, on: base)
    }
    var report = FilterReport(
      networkID: network, device: backend.name, output: target.output, pictures: [])
    var writer = try VideoWriter(target.output, like: video.header, overwrite: target.overwrite)
    var progress = Progress("filter", count: video.count, unit: "pictures")
    for number in 0..<video.count {
      do {
        let outcome = try filter.filter(video[number], number: number)
        try writer.write(outcome.picture)
        report.pictures.append(FilterReport.Picture(number, outcome))
      } catch let error as BitstreamError {
        throw error.places.isEmpty ? error.located(in: stream) : error
      } catch let error as GraphError {
        throw error.located(in: "\(stream), picture \(number)")
      }
      progress.advance()
    }
    progress.finish()
    try writer.commit()
    return report
  }
}

/// `352x288`
struct PictureSize: ExpressibleByArgument {
  var width: Int
  var height: Int

  init?(argument: String) {
    let numbers = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let width = numbers[0], let height = numbers[1], width > 0, height > 0
    else { return nil }
    self.width = width
    self.height = height
  }
}

/// What was done to pictures.
struct FilterReport: Encodable {
  struct Picture: Encodable {
    var number: Int
    /// `base`, `update`, or nothing where no network is active.
    var applied: String?
    var md5: String
    /// Whether the stream states this MD5.
    var isVerified: Bool

    init(_ number: Int, _ outcome: StreamFilter<some Backend>.Outcome) {
      self.number = number
      applied = outcome.applied?.rawValue
      md5 = SHA256.hexadecimal(outcome.hash)
      isVerified = outcome.isVerified
    }
  }

  var networkID: Int
  var device: String
  var output: String
  var pictures: [Picture]

  var text: String {
    func count(_ part: String?) -> Int { pictures.count { $0.applied == part } }
    return
      "network \(networkID) on \(device): \(count("base")) pictures by the base, \(count("update")) "
      + "by an update, \(count(nil)) left as they were\n"
      + "hashes stated and found: \(pictures.count { $0.isVerified })\nwritten: \(output)"
  }
}
