/// An image of 8-bit samples, channels interleaved: gray, or red, green, blue.
struct Image: Sendable, Equatable {
  let height: Int
  let width: Int
  /// 1 or 3.
  let channels: Int
  /// `[height, width, channels]` in row-major order.
  let pixels: [UInt8]

  init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
    precondition(pixels.count == height * width * channels)
    self.height = height
    self.width = width
    self.channels = channels
    self.pixels = pixels
  }

  /// The image with 1 or 3 channels; gray is luma as ITU-R BT.601 weighs it, in 16-bit fixed point
  /// (19595, 38470 and 7471 of 65536), as Pillow does.
  func converted(toChannels wanted: Int) -> Image {
    guard wanted != channels else { return self }
    var result = [UInt8]()
    result.reserveCapacity(height * width * wanted)
    if wanted == 3 {
      for value in pixels { result += [value, value, value] }
    } else {
      for index in stride(from: 0, to: pixels.count, by: 3) {
        let red = Int(pixels[index])
        let green = Int(pixels[index + 1])
        let blue = Int(pixels[index + 2])
        result.append(UInt8((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16))
      }
    }
    return Image(height: height, width: width, channels: wanted, pixels: result)
  }

  /// The rectangle in the middle; where an odd number is left, the larger part stays below and to
  /// the right.
  func croppedAtCentre(to size: DataSpecification.Size) -> Image {
    let top = (height - size.height) / 2
    let left = (width - size.width) / 2
    var result = [UInt8]()
    result.reserveCapacity(size.height * size.width * channels)
    for y in top..<top + size.height {
      let start = (y * width + left) * channels
      result += pixels[start..<start + size.width * channels]
    }
    return Image(height: size.height, width: size.width, channels: channels, pixels: result)
  }

  /// The samples channel after channel: `[channels, height, width]`.
  func planes() -> [UInt8] {
    guard channels > 1 else { return pixels }
    var result = [UInt8]()
    result.reserveCapacity(pixels.count)
    for channel in 0..<channels {
      for index in stride(from: channel, to: pixels.count, by: channels) {
        result.append(pixels[index])
      }
    }
    return result
  }

  /// Blue, green, red for red, green, blue.
  func withChannelsReversed() -> Image {
    guard channels == 3 else { return self }
    var result = pixels
    for index in stride(from: 0, to: pixels.count, by: 3) { result.swapAt(index, index + 2) }
    return Image(height: height, width: width, channels: 3, pixels: result)
  }
}
