/// What a file of pictures says about them: width and height, and for YUV4MPEG2 its first line.
public struct VideoHeader: Sendable, Hashable {
  /// Luma samples in a row.
  public let width: Int
  /// Rows of luma samples.
  public let height: Int
  /// The first line of a YUV4MPEG2 file without its end; `nil` for raw samples.
  public let line: String?

  /// The most samples in a row, and the most rows.
  static let largest = 1 << 15

  /// Raw pictures.
  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
    line = nil
  }

  /// Reads the first line of a YUV4MPEG2 file, as mjpegtools describes it: parameters of a letter and a
  /// value each. Without a colour space samples are 4:2:0 with 8 bits.
  ///
  /// - Throws: ``VideoError`` for other colour spaces, and for sizes that are missing or too large.
  init(line: String, path: String) throws(VideoError) {
    var width: Int?
    var height: Int?
    for parameter in line.split(separator: " ").dropFirst() {
      let value = parameter.dropFirst()
      switch parameter.first {
      case "W": width = Int(value)
      case "H": height = Int(value)
      case "C":
        guard ["420", "420jpeg", "420mpeg2", "420paldv"].contains(value) else {
          throw VideoError(
            path: path, "samples are of colour space '\(value)', 4:2:0 with 8 bits is supported")
        }
      default: break
      }
    }
    guard let width, let height, (1...Self.largest).contains(width),
      (1...Self.largest).contains(height)
    else {
      throw VideoError(
        path: path, "W and H of the first line are not within 1...\(Self.largest)")
    }
    self.width = width
    self.height = height
    self.line = line
  }

  /// Samples of a picture.
  var sampleCount: Int { Picture.sampleCount(width: width, height: height) }
}
