import Testing

@testable import Datasets

@Suite struct ImageTests {
  let folder = TemporaryFolder()

  /// Expected values are Pillow 13.0.0's for the same picture: `resize(size, BILINEAR)`.
  @Test func resizesAsPillowDoes() {
    let image = pattern(height: 7, width: 11, channels: 3)
    let small = image.resized(to: .init(height: 3, width: 5))
    #expect(
      small.pixels == [
        108, 129, 117, 139, 116, 120, 147, 126, 131, 126, 149, 139, 161, 107, 126, 132, 140, 126,
        129, 120, 117, 130, 109, 133, 133, 109, 126, 122, 137, 117, 143, 129, 114, 132, 109, 103,
        125, 127, 116, 146, 104, 136, 124, 123, 151,
      ])
    let large = image.resized(to: .init(height: 13, width: 17))
    #expect(large.pixels.count == 663 && large.pixels.reduce(0) { $0 + Int($1) } == 83720)
    #expect(crc(large.pixels) == 0x2ee9_daff)
  }

  /// Pillow 13.0.0: `convert("L")`.
  @Test func convertsToGrayAsPillowDoes() {
    let gray = pattern(height: 7, width: 11, channels: 3).converted(toChannels: 1)
    #expect(gray.pixels.prefix(8) == [48, 149, 71, 95, 167, 118, 142, 214])
    #expect(crc(gray.pixels) == 0xc1c0_7302)
  }

  @Test func resizesByTheShorterSide() {
    // Python: [round(side * (146.28571428571428 / 375)) for side in (500, 375)]
    let size = Image.size(of: (375, 500), after: .shortSide(Fraction(146.28571428571428)))
    #expect(size == .init(height: 146, width: 195))
  }

  @Test func cropsAtTheCentre() {
    let crop = pattern(height: 6, width: 7, channels: 1).croppedAtCentre(
      to: .init(height: 3, width: 2))
    // Rows 1 to 3, columns 2 and 3.
    let expected = (1...3).flatMap { y in
      (2...3).map { x in UInt8(truncatingIfNeeded: 37 * y + 101 * x + 7 * x * y) }
    }
    #expect(crop.pixels == expected)
  }

  @Test(arguments: [1, 3])
  func decodesPNG(channels: Int) throws {
    let image = pattern(height: 9, width: 5, channels: channels)
    #expect(try ImageFile.read(folder.write(png(image), "a.png")) == image)
  }

  @Test func decodesJPEG() throws {
    // Smooth, so that quality 100 without subsampling is within rounding of the original.
    let pixels = (0..<32 * 24).flatMap { (index: Int) -> [UInt8] in
      let red = 4 * (index % 32)
      let green = 5 * (index / 32)
      return [UInt8(red), UInt8(green), 100]
    }
    let image = Image(height: 24, width: 32, channels: 3, pixels: pixels)
    let found = try ImageFile.read(folder.write(jpeg(image), "a.jpg"))
    #expect(found.height == 24 && found.width == 32 && found.channels == 3)
    let worst = zip(found.pixels, pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
    // Three roundings: colour conversion, transform, and back.
    #expect(worst <= 3)
  }

  @Test func damagedFilesAreErrors() {
    let image = pattern(height: 40, width: 40, channels: 3)
    for (name, bytes) in [("a.png", png(image)), ("a.jpg", jpeg(image))] {
      for count in [20, bytes.count / 2, bytes.count - 12] {
        let path = folder.write(Array(bytes[..<count]), name)
        let text = message { _ = try ImageFile.read(path) }
        #expect(text.hasPrefix("\(path): cannot be decoded: "), "\(count) bytes: \(text)")
      }
    }
    let other = folder.write("GIF89a", "b.png")
    #expect(message { _ = try ImageFile.read(other) } == "\(other): is neither JPEG nor PNG")
  }

  @Test func absurdSizesAreErrors() {
    var bytes = png(pattern(height: 4, width: 4, channels: 1))
    // Width and height in the header chunk, and its CRC.
    bytes.replaceSubrange(16..<24, with: [0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff])
    let sum = crc(Array(bytes[12..<29]))
    bytes.replaceSubrange(
      29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
    let path = folder.write(bytes, "a.png")
    #expect(message { _ = try ImageFile.read(path) }.contains("absurd size 65535 x 65535"))
  }
}
