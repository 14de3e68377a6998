public import Operations
public import Tensors

/// A convolution of 8-bit codes to be computed.
public struct CodeConvolutionCase: Sendable, CustomStringConvertible {
  /// What is special about the case.
  public let name: String
  /// `[N, C, spatial...]`
  public let x: Tensor
  /// A scalar.
  public let zeroPoint: Tensor?
  /// `[M, C/groups, kernel...]`
  public let weights: Tensor
  /// A scalar or `[M]`.
  public let weightsZeroPoint: Tensor?
  /// Window and groups.
  public let convolution: Convolution

  /// The name.
  public var description: String { name }

  /// Random codes and zero points.
  public init(
    _ name: String, x: [Int], as xType: ElementType, filters: Int, kernel: [Int],
    as weightType: ElementType, strides: [Int]? = nil, dilations: [Int]? = nil, pad: [Int]? = nil,
    groups: Int = 1, zeroPoint: Bool = true, weightsZeroPoint: [Int]? = []
  ) {
    var samples = SampleValues(seed: 3)
    self.name = name
    self.x = samples.codes(x, as: xType)
    weights = samples.codes([filters, x[1] / groups] + kernel, as: weightType)
    self.zeroPoint = zeroPoint ? samples.codes([], as: xType) : nil
    self.weightsZeroPoint = weightsZeroPoint.map { samples.codes($0, as: weightType) }
    convolution = Convolution(
      window: Window(
        kernel: kernel, strides: strides, dilations: dilations, padBefore: pad, padAfter: pad),
      groups: groups)
  }

  /// All codes at the ends of their ranges, so that sums are as large as they can be.
  public init(largestSums name: String, x: [Int], filters: Int) {
    self.name = name
    self.x = Tensor(repeating: UInt8(255), shape: x)
    zeroPoint = Tensor(scalar: UInt8(0))
    weights = Tensor(repeating: Int8(-128), shape: [filters, x[1], 1, 1])
    weightsZeroPoint = Tensor(scalar: Int8(127))
    convolution = Convolution(window: Window(kernel: [1, 1]))
  }

  /// The cases that every backend must compute alike.
  public static let all = [
    CodeConvolutionCase(
      "uint8 by int8", x: [2, 5, 9, 8], as: .uint8, filters: 7, kernel: [3, 3], as: .int8,
      pad: [1, 1]),
    CodeConvolutionCase(
      "int8 by uint8, a zero point a channel", x: [1, 35, 7, 7], as: .int8, filters: 13,
      kernel: [3, 3], as: .uint8, pad: [1, 1], weightsZeroPoint: [13]),
    CodeConvolutionCase(
      "uint8 by uint8, stride 2, dilation", x: [2, 4, 15, 40], as: .uint8, filters: 5,
      kernel: [3, 3], as: .uint8, strides: [2, 2], dilations: [2, 1], pad: [2, 1]),
    CodeConvolutionCase(
      "int8 by int8, no zero points", x: [1, 64, 6, 6], as: .int8, filters: 9, kernel: [1, 1],
      as: .int8, zeroPoint: false, weightsZeroPoint: nil),
    CodeConvolutionCase(
      "groups", x: [1, 12, 8, 8], as: .uint8, filters: 8, kernel: [3, 3], as: .int8, pad: [1, 1],
      groups: 4),
    CodeConvolutionCase(
      "depthwise", x: [2, 9, 14, 20], as: .uint8, filters: 9, kernel: [3, 3], as: .int8,
      pad: [1, 1], groups: 9, weightsZeroPoint: [9]),
    CodeConvolutionCase(
      "one axis", x: [2, 6, 33], as: .int8, filters: 4, kernel: [4], as: .int8, pad: [2]),
    CodeConvolutionCase(
      "three axes", x: [1, 3, 4, 5, 6], as: .uint8, filters: 4, kernel: [2, 3, 2], as: .int8,
      pad: [1, 1, 0]),
    CodeConvolutionCase(
      "codes of 4 and 2 bits, a byte each", x: [1, 7, 6, 6], as: .uint4, filters: 5,
      kernel: [3, 3], as: .int2, pad: [1, 1]),
    CodeConvolutionCase(
      "no image", x: [0, 3, 4, 4], as: .uint8, filters: 2, kernel: [3, 3], as: .int8),
    CodeConvolutionCase(largestSums: "largest sums", x: [1, 700, 5, 5], filters: 3),
  ]
}
