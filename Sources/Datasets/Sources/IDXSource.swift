import Tensors

/// Gray images in the IDX format of MNIST, with the labels beside them; plain or gzip.
struct IDXSource: SampleSource {
  let count: Int
  private let images: ByteSource
  private let labels: ByteSource?
  private let height: Int
  private let width: Int

  private static let imageHeaderCount = 16
  private static let labelHeaderCount = 8

  /// Whether the bytes begin as IDX images do: rank 3, unsigned bytes.
  static func recognises(_ source: ByteSource) throws(DataError) -> Bool {
    guard source.count >= imageHeaderCount else { return false }
    return try source.bytes(at: 0, count: 4) == [0, 0, 8, 3]
  }

  /// - Parameters:
  ///   - images: the unpacked images file.
  ///   - labels: the path of the labels, or `nil` to look beside the images.
  init(images: ByteSource, labels: String?) throws(DataError) {
    let header = try images.bytes(at: 4, count: 12)
    func extent(_ index: Int) -> Int {
      header[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    count = extent(0)
    height = extent(1)
    width = extent(2)
    self.images = images
    let (pixels, overflow) = (height * width).multipliedReportingOverflow(by: count)
    guard !overflow, pixels == images.count - Self.imageHeaderCount, height * width > 0 else {
      throw DataError(
        file: images.path,
        "states \(count) images of \(height)x\(width), which does not fit "
          + "\(images.count) bytes")
    }
    guard let path = labels ?? Self.labelFile(beside: images.path) else {
      self.labels = nil
      return
    }
    let found = try ByteSource(path: path).unpacked()
    let start = try found.bytes(at: 0, count: min(found.count, Self.labelHeaderCount))
    guard start.starts(with: [0, 0, 8, 1]), found.count == Self.labelHeaderCount + count,
      start[4...].reduce(0, { $0 << 8 | Int($1) }) == count
    else { throw DataError(file: path, "does not hold IDX labels of \(count) images") }
    self.labels = found
  }

  var takesImageOptions: Bool { true }

  func sample(at index: Int) throws -> RawSample {
    let size = height * width
    let pixels = try images.bytes(at: Self.imageHeaderCount + index * size, count: size)
    let label = try labels?.bytes(at: Self.labelHeaderCount + index, count: 1)[0]
    return RawSample(
      content: .image(Image(height: height, width: width, channels: 1, pixels: pixels)),
      label: label.map { Label(index: Int($0)) }, name: "\(images.path): sample \(index)")
  }

  /// `t10k-labels-idx1-ubyte.gz` for `t10k-images-idx3-ubyte.gz`, packed or not.
  private static func labelFile(beside path: String) -> String? {
    let name = Folder.name(of: path)
    guard let range = name.firstRange(of: "images-idx3") ?? name.firstRange(of: "images.idx3")
    else { return nil }
    let middle = name[range].contains(".") ? "labels.idx1" : "labels-idx1"
    var candidate = name.replacingCharacters(in: range, with: middle)
    if candidate.hasSuffix(".gz") { candidate.removeLast(3) }
    let folder = Folder.parent(of: path)
    return [candidate, candidate + ".gz"].map { Folder.path(folder, $0) }
      .first { Folder.kind(of: $0) == .file }
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with other: String) -> String {
    self[..<range.lowerBound] + other + self[range.upperBound...]
  }
}
