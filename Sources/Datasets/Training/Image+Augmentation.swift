extension Image {
  /// The image turned, moved and mirrored, in this order; what comes in from outside is 0.
  func changed(by change: Augmentation.Change) -> Image {
    var image = self
    if change.degrees != 0 { image = image.turned(byDegrees: change.degrees) }
    if change.down != 0 || change.right != 0 {
      image = image.moved(down: change.down, right: change.right)
    }
    return change.flips ? image.mirrored() : image
  }

  /// Left for right.
  func mirrored() -> Image {
    filled { y, x, channel in self[y, width - 1 - x, channel] }
  }

  /// The content moved by whole pixels.
  func moved(down: Int, right: Int) -> Image {
    filled { y, x, channel in self[y - down, x - right, channel] }
  }

  /// The content turned about the image's centre, counterclockwise as it is looked at; linear between
  /// the four pixels around a place, rounded half to even.
  func turned(byDegrees degrees: Double) -> Image {
    let (sine, cosine) = Self.sineAndCosine(ofDegrees: degrees)
    let middle = (y: Double(height - 1) / 2, x: Double(width - 1) / 2)
    return filled { y, x, channel in
      let (dy, dx) = (Double(y) - middle.y, Double(x) - middle.x)
      let fromY = middle.y + cosine * dy + sine * dx
      let fromX = middle.x + cosine * dx - sine * dy
      let (top, left) = (fromY.rounded(.down), fromX.rounded(.down))
      let (below, beside) = (fromY - top, fromX - left)
      let (row, column) = (Int(top), Int(left))
      func line(_ row: Int) -> Double {
        (1 - beside) * Double(self[row, column, channel])
          + beside * Double(self[row, column + 1, channel])
      }
      let value = (1 - below) * line(row) + below * line(row + 1)
      return UInt8(value.rounded(.toNearestOrEven))
    }
  }

  /// A sample of a pixel; 0 outside.
  private subscript(y: Int, x: Int, channel: Int) -> UInt8 {
    guard y >= 0, y < height, x >= 0, x < width else { return 0 }
    return pixels[(y * width + x) * channels + channel]
  }

  private func filled(_ value: (_ y: Int, _ x: Int, _ channel: Int) -> UInt8) -> Image {
    let count = pixels.count
    let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var index = 0
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<channels {
            buffer[index] = value(y, x, channel)
            index += 1
          }
        }
      }
      initialized = count
    }
    return Image(height: height, width: width, channels: channels, pixels: result)
  }

  /// Taylor's series, so that the same angle gives the same pixels whatever the C library; to 16
  /// terms exact to the last places of a `Double` up to a quarter turn.
  private static func sineAndCosine(ofDegrees degrees: Double) -> (sine: Double, cosine: Double) {
    let angle = degrees * (Double.pi / 180)
    var (sine, cosine, term) = (0.0, 0.0, 1.0)
    for power in 0..<32 {
      let sign: Double = power & 2 == 0 ? 1 : -1
      if power & 1 == 0 { cosine += sign * term } else { sine += sign * term }
      term *= angle / Double(power + 1)
    }
    return (sine, cosine)
  }
}
