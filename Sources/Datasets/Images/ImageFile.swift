import CImage
import Glibc

/// JPEG and PNG files.
enum ImageFile {
  /// Names of such files end so.
  static let nameExtensions: Set<String> = ["jpg", "jpeg", "png"]

  /// Decodes a file, whatever its name says.
  static func read(_ path: String) throws(DataError) -> Image {
    let source = try ByteSource(path: path)
    guard source.count <= 1 << 30 else { throw DataError(file: path, "is larger than 1 GiB") }
    let bytes = try source.bytes(at: 0, count: source.count)
    var picture = cimage_picture()
    let decoded: Int32
    if bytes.starts(with: [0xff, 0xd8]) {
      decoded = cimage_decode_jpeg(bytes, UInt(bytes.count), &picture)
    } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      decoded = cimage_decode_png(bytes, UInt(bytes.count), &picture)
    } else {
      throw DataError(file: path, "is neither JPEG nor PNG")
    }
    guard decoded == 1, let pixels = picture.pixels else {
      throw DataError(file: path, "cannot be decoded: \(message(of: &picture))")
    }
    defer { free(pixels) }
    let height = Int(picture.height)
    let width = Int(picture.width)
    let channels = Int(picture.channels)
    let samples = UnsafeBufferPointer(start: pixels, count: height * width * channels)
    switch channels {
    case 1, 3:
      return Image(height: height, width: width, channels: channels, pixels: Array(samples))
    case 4:
      let converted = rgb(fromCMYK: samples, isInverted: picture.is_inverted_cmyk != 0)
      return Image(height: height, width: width, channels: 3, pixels: converted)
    default:
      throw DataError(file: path, "has \(channels) channels")
    }
  }

  private static func message(of picture: inout cimage_picture) -> String {
    withUnsafeBytes(of: &picture.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// `(255 - ink) * (255 - black) / 255`, rounded, as Pillow does without a colour profile.
  private static func rgb(
    fromCMYK samples: UnsafeBufferPointer<UInt8>, isInverted: Bool
  ) -> [UInt8] {
    var result = [UInt8]()
    result.reserveCapacity(samples.count / 4 * 3)
    for index in stride(from: 0, to: samples.count, by: 4) {
      func ink(_ channel: Int) -> Int {
        let value = Int(samples[index + channel])
        return isInverted ? 255 - value : value
      }
      let light = 255 - ink(3)
      for channel in 0..<3 {
        let product = ink(channel) * light + 128
        result.append(UInt8(max(0, light - (product + product >> 8) >> 8)))
      }
    }
    return result
  }
}
