import Glibc
import Tensors

/// Pictures in two sizes, `*_LR.png` and `*_HR.png`, for models that enlarge the luma of a picture.
///
/// The model is given full-range luma (as JPEG has it) from 0 to 1; PSNR is quoted on limited-range
/// luma (ITU-R BT.601, 16 to 235). ``sample(at:)`` gives the small picture cut or padded to the
/// model's input, for calibration; ``pair(at:)`` gives both pictures whole.
public struct SuperResolutionPairs: Dataset {
  /// The specification as it was given.
  public let name: String
  /// How many pairs there are, after `limit` and `offset`.
  public var count: Int { selection.count }

  /// The model's input.
  public let input: ModelInput

  private let pairs: [(low: String, high: String)]
  private let selection: Selection

  /// A picture of one channel.
  public struct Plane: Sendable {
    /// Rows.
    public var height: Int
    /// Columns.
    public var width: Int
    /// Samples in row-major order.
    public var values: [Double]

    /// Makes a picture.
    public init(height: Int, width: Int, values: [Double]) {
      precondition(values.count == height * width)
      self.height = height
      self.width = width
      self.values = values
    }
  }

  /// The pairs in a folder: every `_LR` file with its `_HR` file.
  static func pairs(in folder: String) throws(DataError) -> [(low: String, high: String)] {
    var pairs: [(String, String)] = []
    for name in try Folder.names(in: folder) where ImageFolderSource.isImage(name) {
      guard let mark = name.firstRange(of: "_LR.") else { continue }
      let other = Folder.path(
        folder, name[..<mark.lowerBound] + "_HR." + name[mark.upperBound...])
      guard Folder.kind(of: other) == .file else {
        throw DataError(file: other, "is missing: the large picture of '\(name)'")
      }
      pairs.append((Folder.path(folder, name), other))
    }
    return pairs
  }

  init(
    _ specification: DataSpecification, pairs: [(low: String, high: String)], inputs: [ModelInput]
  ) throws(DataError) {
    guard inputs.count == 1, inputs[0].elementType == .float32,
      let shape = inputs[0].shape, shape.count == 4, shape[1] == nil || shape[1] == 1
    else {
      throw DataError(
        file: specification.path,
        "super-resolution pairs need a model with one float32 input of "
          + "one channel, [N, 1, H, W]")
    }
    guard specification.mean.isEmpty, specification.standardDeviation.isEmpty,
      specification.resize == nil, specification.crop == nil, specification.labels == nil,
      specification.layout != .nhwc,
      specification.scale == Fraction(1) || specification.scale.value == 1 / 255
    else {
      throw DataError(
        file: specification.path,
        "super-resolution pairs reach the model as luma / 255; of the "
          + "options only limit, offset, shuffle and batch apply")
    }
    name = specification.text
    input = inputs[0]
    self.pairs = pairs
    selection = try Selection(specification, of: pairs.count)
  }

  /// The small picture, cut at the top left to the model's size, or padded to it by reflection.
  public func sample(at index: Int) throws -> Sample {
    let path = pairs[selection(index)].low
    let picture = try Self.luma(path, fullRange: true)
    let height = input.shape?[2] ?? picture.height
    let width = input.shape?[3] ?? picture.width
    let values = (0..<height).flatMap { y in
      (0..<width).map { x in
        let row = Self.reflected(y, picture.height)
        let column = Self.reflected(x, picture.width)
        return Float(picture.values[row * picture.width + column] / 255)
      }
    }
    return Sample(
      inputs: [input.name: Tensor(values, shape: [1, 1, height, width])], name: path)
  }

  /// Sample `index` whole: the small picture from 0 to 1, the large one in limited-range luma.
  public func pair(at index: Int) throws -> (name: String, low: Plane, high: Plane) {
    let (low, high) = pairs[selection(index)]
    var small = try Self.luma(low, fullRange: true)
    small.values = small.values.map { $0 / 255 }
    return (low, small, try Self.luma(high, fullRange: false))
  }

  /// `index` mirrored at both ends of `0..<count`, the ends themselves not repeated.
  private static func reflected(_ index: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let place = index % period
    return place < count ? place : period - place
  }

  private static func luma(_ path: String, fullRange: Bool) throws(DataError) -> Plane {
    let image = try ImageFile.read(path).converted(toChannels: 3)
    let weights = [0.299, 0.587, 0.114].map { fullRange ? $0 : $0 * 219 / 255 }
    let values = stride(from: 0, to: image.pixels.count, by: 3).map { index in
      Double(image.pixels[index]) * weights[0] + Double(image.pixels[index + 1]) * weights[1]
        + Double(image.pixels[index + 2]) * weights[2] + (fullRange ? 0 : 16)
    }
    return Plane(height: image.height, width: image.width, values: values)
  }
}
