/// Images of 32x32 pixels in CIFAR-10's binary format: a record is a label and three planes.
struct CIFARSource: SampleSource {
  let count: Int
  private let files: [(source: ByteSource, first: Int)]

  private static let side = 32
  private static let recordCount = 1 + 3 * side * side

  /// Whether a file can be one: whole records, the first of them with a label of CIFAR-10.
  static func recognises(_ source: ByteSource) throws(DataError) -> Bool {
    guard source.count > 0, source.count % recordCount == 0 else { return false }
    return try source.bytes(at: 0, count: 1)[0] < 10
  }

  init(_ sources: [ByteSource]) {
    var files: [(ByteSource, Int)] = []
    var count = 0
    for source in sources {
      files.append((source, count))
      count += source.count / Self.recordCount
    }
    self.files = files
    self.count = count
  }

  var takesImageOptions: Bool { true }

  func sample(at index: Int) throws -> RawSample {
    guard let file = files.last(where: { $0.first <= index }) else {
      preconditionFailure("sample \(index) of \(count)")
    }
    let record = index - file.first
    let bytes = try file.source.bytes(
      at: record * Self.recordCount, count: Self.recordCount)
    guard bytes[0] < 10 else {
      throw DataError(
        file: file.source.path, sample: record, "has label \(bytes[0]); CIFAR-10 has 0 to 9")
    }
    let plane = Self.side * Self.side
    var pixels = [UInt8](repeating: 0, count: 3 * plane)
    for channel in 0..<3 {
      for position in 0..<plane {
        pixels[3 * position + channel] = bytes[1 + channel * plane + position]
      }
    }
    return RawSample(
      content: .image(Image(height: Self.side, width: Self.side, channels: 3, pixels: pixels)),
      label: Label(index: Int(bytes[0])), name: "\(file.source.path): sample \(record)")
  }
}
