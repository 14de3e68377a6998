public import Operations
public import Tensors

/// A float convolution to be computed.
public struct ConvolutionCase: Sendable, CustomStringConvertible {
  /// What is special about the case.
  public let name: String
  /// `[N, C, spatial...]`
  public let x: Tensor
  /// `[M, C/groups, kernel...]`
  public let weights: Tensor
  /// `[M]`
  public let bias: Tensor?
  /// Window and groups.
  public let convolution: Convolution
  /// Whether a device that flushes denormals may differ.
  public let hasDenormals: Bool

  /// The name.
  public var description: String { name }

  /// Random values, or the given ones.
  public init(
    _ name: String, x: [Int], filters: Int, kernel: [Int], strides: [Int]? = nil,
    dilations: [Int]? = nil, padBefore: [Int]? = nil, padAfter: [Int]? = nil, groups: Int = 1,
    bias: Bool = true, values: Values = .ordinary
  ) {
    var samples = SampleValues(seed: 1)
    func make(_ shape: [Int]) -> Tensor {
      switch values {
      case .ordinary: samples.floats(shape)
      case .extreme(let period):
        samples.extremeFloats(shape, period: period, denormals: false)
      case .denormal(let period):
        samples.extremeFloats(shape, period: period, denormals: true)
      case .vanishing: Tensor(repeating: shape == x ? Float(0x1p-100) : -0x1p-100, shape: shape)
      }
    }
    self.name = name
    self.x = make(x)
    self.weights = make([filters, x[1] / groups] + kernel)
    self.bias = bias ? make([filters]) : nil
    convolution = Convolution(
      window: Window(
        kernel: kernel, strides: strides, dilations: dilations, padBefore: padBefore,
        padAfter: padAfter), groups: groups)
    if case .denormal = values { hasDenormals = true } else { hasDenormals = false }
  }

  /// What the elements are.
  public enum Values: Sendable {
    /// In -1..<1.
    case ordinary
    /// One in so many is infinite, not a number, a zero or very large or small.
    case extreme(period: UInt64)
    /// Denormal numbers too.
    case denormal(period: UInt64)
    /// Products that are too small and round to -0.
    case vanishing
  }
}

extension ConvolutionCase {
  /// The cases that every backend must compute alike.
  public static let all: [ConvolutionCase] = shapes + grouped + edges + extremes

  private static let shapes = [
    ConvolutionCase(
      "3x3, border", x: [2, 3, 9, 11], filters: 5, kernel: [3, 3], padBefore: [1, 1],
      padAfter: [1, 1]),
    ConvolutionCase(
      "few filters, bands of rows, two blocks", x: [4, 30, 33, 30], filters: 14, kernel: [3, 3],
      dilations: [2, 1], padBefore: [1, 2], padAfter: [2, 0]),
    ConvolutionCase("1x1", x: [3, 19, 5, 7], filters: 13, kernel: [1, 1]),
    ConvolutionCase(
      "1x1, stride 2", x: [2, 8, 9, 10], filters: 9, kernel: [1, 1], strides: [2, 2]),
    ConvolutionCase(
      "7x7, stride 2, three channels", x: [1, 3, 30, 34], filters: 24, kernel: [7, 7],
      strides: [2, 2], padBefore: [3, 3], padAfter: [3, 3]),
    ConvolutionCase(
      "7x7 plane, four blocks of the sum", x: [3, 88, 7, 7], filters: 26, kernel: [3, 3],
      padBefore: [1, 1], padAfter: [1, 1]),
    ConvolutionCase(
      "14x14 plane, sum of whole blocks", x: [2, 256, 14, 14], filters: 12, kernel: [1, 1]),
    ConvolutionCase(
      "wide rows", x: [1, 4, 5, 100], filters: 12, kernel: [3, 3], padBefore: [1, 1],
      padAfter: [1, 1]),
    ConvolutionCase(
      "asymmetric border and dilation", x: [2, 5, 12, 10], filters: 7, kernel: [3, 2],
      strides: [1, 2], dilations: [2, 3], padBefore: [2, 0], padAfter: [1, 3]),
    ConvolutionCase(
      "stride 3 by 1", x: [1, 6, 17, 40], filters: 8, kernel: [5, 1], strides: [3, 1],
      padBefore: [2, 0], padAfter: [0, 0]),
    ConvolutionCase(
      "one axis", x: [2, 7, 50], filters: 6, kernel: [5], strides: [2], padBefore: [2],
      padAfter: [2]),
    ConvolutionCase(
      "three axes", x: [2, 4, 5, 6, 7], filters: 6, kernel: [3, 2, 3], strides: [1, 2, 1],
      padBefore: [1, 0, 1], padAfter: [1, 1, 1]),
    ConvolutionCase("sum of 257", x: [1, 257, 4, 4], filters: 3, kernel: [1, 1], bias: false),
  ]

  private static let grouped = [
    ConvolutionCase(
      "three groups", x: [2, 12, 8, 9], filters: 15, kernel: [3, 3], padBefore: [1, 1],
      padAfter: [1, 1], groups: 3),
    ConvolutionCase(
      "depthwise 3x3", x: [2, 10, 14, 14], filters: 10, kernel: [3, 3], padBefore: [1, 1],
      padAfter: [1, 1], groups: 10),
    ConvolutionCase(
      "depthwise 3x3, stride 2, asymmetric", x: [1, 9, 15, 36], filters: 9, kernel: [3, 3],
      strides: [2, 2], padBefore: [0, 0], padAfter: [1, 1], groups: 9),
    ConvolutionCase(
      "depthwise 5x5, two filters a channel, dilation", x: [1, 6, 20, 20], filters: 12,
      kernel: [5, 5], dilations: [2, 2], padBefore: [4, 4], padAfter: [4, 4], groups: 6),
  ]

  private static let edges = [
    ConvolutionCase("no image", x: [0, 3, 8, 8], filters: 4, kernel: [3, 3]),
    ConvolutionCase("no channel", x: [1, 0, 6, 6], filters: 4, kernel: [3, 3]),
    ConvolutionCase("no output", x: [2, 3, 2, 8], filters: 4, kernel: [3, 3]),
    ConvolutionCase("no filter", x: [2, 3, 5, 8], filters: 0, kernel: [3, 3]),
    ConvolutionCase(
      "border all around one element", x: [1, 1, 1, 1], filters: 1, kernel: [3, 3],
      padBefore: [4, 4], padAfter: [4, 4]),
    ConvolutionCase("kernel as large as the input", x: [5, 3, 6, 6], filters: 11, kernel: [6, 6]),
  ]

  private static let extremes = [
    ConvolutionCase(
      "infinities and NaN", x: [2, 5, 10, 10], filters: 13, kernel: [3, 3], padBefore: [1, 1],
      padAfter: [1, 1], values: .extreme(period: 40)),
    ConvolutionCase(
      "denormals", x: [1, 5, 10, 10], filters: 13, kernel: [3, 3], padBefore: [1, 1],
      padAfter: [1, 1], values: .denormal(period: 3)),
    ConvolutionCase(
      "depthwise, infinities and NaN", x: [1, 8, 10, 20], filters: 8, kernel: [3, 3],
      padBefore: [1, 1], padAfter: [1, 1], groups: 8, values: .extreme(period: 30)),
    ConvolutionCase(
      "sums of -0", x: [1, 260, 3, 3], filters: 2, kernel: [1, 1], bias: false,
      values: .vanishing),
  ]
}
