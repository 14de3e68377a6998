import Tensors
import Testing

@testable import Datasets

@Suite struct AugmentationTests {
  let picture = pattern(height: 5, width: 7, channels: 3)

  func sample(_ image: Image, _ y: Int, _ x: Int, _ channel: Int) -> UInt8 {
    let isInside = y >= 0 && y < image.height && x >= 0 && x < image.width
    return isInside ? image.pixels[(y * image.width + x) * image.channels + channel] : 0
  }

  func every(_ image: Image, _ body: (_ y: Int, _ x: Int, _ channel: Int) -> UInt8) -> [UInt8] {
    (0..<image.height).flatMap { y in
      (0..<image.width).flatMap { x in (0..<image.channels).map { body(y, x, $0) } }
    }
  }

  @Test func mirrorsLeftForRight() {
    #expect(picture.mirrored().pixels == every(picture) { sample(picture, $0, 6 - $1, $2) })
    #expect(picture.mirrored().mirrored() == picture)
  }

  @Test func movesWithBlackBehind() {
    let moved = picture.moved(down: 2, right: -3)
    #expect(moved.pixels == every(picture) { sample(picture, $0 - 2, $1 + 3, $2) })
    #expect(picture.moved(down: 5, right: 0).pixels.allSatisfy { $0 == 0 })
  }

  /// A quarter turn of a square puts pixels on pixels.
  @Test func turnsCounterclockwise() {
    let square = pattern(height: 6, width: 6, channels: 1)
    #expect(square.turned(byDegrees: 90).pixels == every(square) { sample(square, $1, 5 - $0, $2) })
    #expect(square.turned(byDegrees: -90).turned(byDegrees: 90) == square)
  }

  /// Between equal pixels nothing else appears; corners turn out of the image and let black in.
  @Test func interpolatesLinearly() {
    let white = Image(height: 9, width: 9, channels: 1, pixels: Array(repeating: 200, count: 81))
    let turned = white.turned(byDegrees: 20)
    for y in 2...6 { for x in 2...6 { #expect(sample(turned, y, x, 0) == 200) } }
    #expect(sample(turned, 0, 0, 0) < 200)
    // A ramp stays one: at 45 degrees, v pixels right of the centre come from v / sqrt(2) each way.
    let ramp = Image(
      height: 21, width: 21, channels: 1, pixels: (0..<441).map { UInt8($0 % 21 * 10) })
    let diagonal = ramp.turned(byDegrees: 45)
    for offset in -7...7 {
      let expected = 100 + 10 * Double(offset) * 0.5.squareRoot()
      #expect(sample(diagonal, 10, 10 + offset, 0) == UInt8(expected.rounded(.toNearestOrEven)))
    }
  }

  @Test func readsItsText() throws {
    let all = try Augmentation(parsing: "rotate:9,flip,crop:4")
    #expect(all.flips && all.border == 4 && all.degrees == 9)
    #expect(all.description == "flip,crop:4,rotate:9.0")
    #expect(try Augmentation(parsing: all.description) == all)
    for text in ["", "flip,flip", "flip:1", "crop", "crop:0", "rotate:90", "rotate:x", "zoom:2"] {
      #expect(throws: DataSpecificationError.self) { try Augmentation(parsing: text) }
    }
  }

  @Test func drawsWithinItsLimits() throws {
    let all = try Augmentation(parsing: "flip,crop:2,rotate:9")
    var generator = SplitMix64(state: 3)
    let changes = (0..<1000).map { _ in all.change(&generator) }
    #expect(Set(changes.map(\.down)) == [-2, -1, 0, 1, 2])
    #expect(Set(changes.map(\.right)) == [-2, -1, 0, 1, 2])
    #expect(Set(changes.map(\.flips)) == [true, false])
    #expect(changes.allSatisfy { abs($0.degrees) <= 9 })
    #expect(changes.contains { $0.degrees > 8 } && changes.contains { $0.degrees < -8 })
  }

  /// At the model's size: after the crop at the centre, before colours are exchanged and scaled.
  @Test func changesTheImageThatTheModelTakes() throws {
    let folder = TemporaryFolder()
    let large = pattern(height: 8, width: 8, channels: 3)
    folder.write(png(large), "a.png")
    let data = try #require(
      try dataset("\(folder.path)?crop=4&channels=bgr&scale=2", .image([nil, 4, 4, 3]))
        as? PreparedDataset)
    var change = Augmentation.Change()
    change.right = 1
    let expected = large.croppedAtCentre(to: .init(height: 4, width: 4)).moved(down: 0, right: 1)
      .withChannelsReversed().pixels.map { Float($0) * 2 }
    let found = try data.sample(at: 0, changedBy: change).inputs["image"]
    #expect(found == Tensor(expected, shape: [1, 4, 4, 3]))
  }
}
