/// How images are changed each time that training sees them.
///
/// Changes apply to the image after `resize` and `crop`, at the size that the model takes. What comes
/// in from outside the image is black: all channels 0 before scaling.
public struct Augmentation: Sendable, Hashable, CustomStringConvertible {
  /// Whether every second image is mirrored, left for right.
  public var flips = false

  /// Pixels by which images are moved at most, down or up and right or left: a random crop of the
  /// image with a border of so many pixels.
  public var border = 0

  /// Degrees by which images are turned about their centre at most, either way; values between
  /// pixels are interpolated linearly. Below 90.
  public var degrees = 0.0

  /// No change.
  public init() {}

  /// Reads `flip,crop:4,rotate:9`, in any order, each at most once.
  ///
  /// - Throws: ``DataSpecificationError`` for another word, one given twice or a number out of range.
  public init(parsing text: String) throws(DataSpecificationError) {
    var seen: Set<Substring> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard seen.insert(words[0]).inserted else {
        throw DataSpecificationError(augmentation: text, "'\(words[0])' is given twice")
      }
      let value = words.count > 1 ? words[1] : nil
      switch (words[0], value) {
      case ("flip", nil): flips = true
      case ("crop", let value?):
        guard let pixels = Int(value), (1...1024).contains(pixels) else {
          throw DataSpecificationError(
            augmentation: text, "crop:\(value): expected 1 to 1024 pixels")
        }
        border = pixels
      case ("rotate", let value?):
        guard let angle = Double(value), angle > 0, angle < 90 else {
          throw DataSpecificationError(
            augmentation: text, "rotate:\(value): expected degrees above 0 and below 90")
        }
        degrees = angle
      default:
        throw DataSpecificationError(
          augmentation: text, "'\(part)' is none of flip, crop:PIXELS and rotate:DEGREES")
      }
    }
  }

  /// The text that ``init(parsing:)`` reads.
  public var description: String {
    var parts: [String] = []
    if flips { parts.append("flip") }
    if border > 0 { parts.append("crop:\(border)") }
    if degrees > 0 { parts.append("rotate:\(degrees)") }
    return parts.joined(separator: ",")
  }

  /// What is done to one image.
  struct Change: Sendable, Hashable {
    var flips = false
    /// Pixels that the content moves down and to the right.
    var down = 0
    var right = 0
    /// Degrees, counterclockwise.
    var degrees = 0.0
  }

  /// Draws a change; the same numbers give the same change.
  func change(_ generator: inout SplitMix64) -> Change {
    var change = Change()
    if flips { change.flips = generator.next() >> 63 == 1 }
    if border > 0 {
      // Not the standard library's way, which a later version of it may change.
      let places = UInt64(2 * border + 1)
      change.down = Int(generator.next() % places) - border
      change.right = Int(generator.next() % places) - border
    }
    if degrees > 0 {
      let unit = Double(generator.next() >> 11) * 0x1p-53
      change.degrees = (2 * unit - 1) * degrees
    }
    return change
  }
}

extension DataSpecificationError {
  fileprivate init(augmentation text: String, _ message: String) {
    self.init(message: "augmentation '\(text)': \(message)")
  }
}
