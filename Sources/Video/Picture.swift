/// A picture of 8-bit samples in three planes, chroma with half the rows and half the columns (4:2:0).
public struct Picture: Sendable, Hashable {
  /// Luma samples in a row.
  public let width: Int
  /// Rows of luma samples.
  public let height: Int
  /// Luma, Cb and Cr, row by row without gaps: a frame of a raw file.
  public var samples: [UInt8]

  /// A picture of given samples.
  ///
  /// - Precondition: There are ``sampleCount(width:height:)`` samples.
  public init(width: Int, height: Int, samples: [UInt8]) {
    precondition(
      samples.count == Self.sampleCount(width: width, height: height),
      "\(samples.count) samples are no picture of \(width) x \(height)")
    self.width = width
    self.height = height
    self.samples = samples
  }

  /// Samples of all three planes.
  public static func sampleCount(width: Int, height: Int) -> Int {
    width * height + 2 * ((width + 1) / 2) * ((height + 1) / 2)
  }

  /// The sum of squared differences of all samples, or of those at given places.
  ///
  /// - Precondition: Both pictures have the same size.
  public func squaredError(to other: Picture, at places: Range<Int>? = nil) -> Int {
    precondition(width == other.width && height == other.height, "pictures of different sizes")
    return (places ?? samples.indices).reduce(0) { sum, place in
      let difference = Int(samples[place]) - Int(other.samples[place])
      return sum + difference * difference
    }
  }

  /// Chroma samples in a row.
  public var chromaWidth: Int { (width + 1) / 2 }
  /// Rows of chroma samples.
  public var chromaHeight: Int { (height + 1) / 2 }

  /// Where luma is in ``samples``.
  public var luma: Range<Int> { 0..<width * height }
  /// Where Cb, then Cr, are in ``samples``.
  public var chroma: Range<Int> { width * height..<samples.count }
}
