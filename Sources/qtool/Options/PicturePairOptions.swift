import ArgumentParser
import LowBit
import Video

/// Pictures that a filter is judged by.
struct PicturePairOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Decoded pictures.", valueName: "file"), completion: .file())
  var pictures: String

  @Option(help: ArgumentHelp("What they should be.", valueName: "file"), completion: .file())
  var originals: String

  @Option(help: ArgumentHelp("Width and height of raw pictures.", valueName: "WxH"))
  var size: PictureSize?

  /// The pictures.
  ///
  /// - Throws: `VideoError` naming the file that does not go with the other.
  func pairs() throws -> VideoPairs {
    try VideoPairs(decoded: pictures, originals: originals, size: size)
  }
}

/// Decoded pictures and their originals.
struct VideoPairs {
  var pairs: [(decoded: Picture, original: Picture)]

  init(decoded: String, originals: String, size: PictureSize?) throws {
    let size = size.map { (width: $0.width, height: $0.height) }
    let first = try VideoReader(decoded, size: size)
    let second = try VideoReader(originals, size: size)
    guard first.count == second.count, first.count > 0,
      first.header.width == second.header.width, first.header.height == second.header.height
    else {
      throw VideoError(
        path: originals,
        "has \(second.count) pictures of \(second.header.width) x \(second.header.height), '\(decoded)' "
          + "\(first.count) of \(first.header.width) x \(first.header.height)")
    }
    pairs = (0..<first.count).map { (first[$0], second[$0]) }
  }

  /// The squared error of the decoded pictures.
  var squaredError: Int {
    pairs.reduce(0) { $0 + $1.decoded.squaredError(to: $1.original) }
  }

  /// The peak signal-to-noise ratio of a sum of squared errors of all samples.
  func decibels(_ squaredError: Int) -> Double {
    PeakSignalToNoise.decibels(
      squaredError: squaredError, samples: pairs.reduce(0) { $0 + $1.decoded.samples.count })
  }
}
