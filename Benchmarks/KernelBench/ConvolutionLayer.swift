/// A convolution of a network, with a border of half a kernel on every side.
public struct ConvolutionLayer: Sendable, Hashable {
  let channels, filters, stride, groups: Int
  /// Height and width.
  let kernel, size: [Int]
  /// How often the network has it.
  public let times: Int

  /// A line of a file of shapes: `channels filters kernel stride size times [groups]`, where kernel and
  /// size are one number or `HxW`; `nil` for another.
  public init?(_ line: some StringProtocol) {
    let fields = line.split(separator: " ")
    let extents = fields.map { field in
      field.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    }
    guard (6...7).contains(fields.count), extents.allSatisfy({ $0.allSatisfy { $0 > 0 } }),
      extents.enumerated().allSatisfy({ $1.count == 1 || [2, 4].contains($0) && $1.count == 2 })
    else { return nil }
    channels = extents[0][0]
    filters = extents[1][0]
    kernel = [extents[2][0], extents[2].last!]
    stride = extents[3][0]
    size = [extents[4][0], extents[4].last!]
    times = extents[5][0]
    groups = extents.count > 6 ? extents[6][0] : 1
    guard channels % groups == 0, filters % groups == 0 else { return nil }
  }

  /// The layer in short, such as `3x3/2 64-128@56`.
  public var name: String {
    let side = size[0] == size[1] ? "\(size[0])" : "\(size[0])x\(size[1])"
    let step = stride > 1 ? "/\(stride)" : ""
    return "\(kernel[0])x\(kernel[1])\(step) \(channels)-\(filters)@\(side)"
      + (groups > 1 ? " groups \(groups)" : "")
  }

  /// Padding on every side.
  var pads: [Int] { kernel.map { $0 / 2 } }

  /// Height and width of the result.
  var resultSize: [Int] {
    zip(size, kernel).map { ($0 + $1 / 2 * 2 - $1) / stride + 1 }
  }

  /// Elements of an image, of an image's result and of the weights.
  var elements: (data: Int, result: Int, weights: Int) {
    (
      channels * size[0] * size[1], filters * resultSize[0] * resultSize[1],
      filters * (channels / groups) * kernel[0] * kernel[1]
    )
  }

  /// Multiplications with addition for one image.
  public var multiplications: Int {
    elements.weights * resultSize[0] * resultSize[1]
  }
}
