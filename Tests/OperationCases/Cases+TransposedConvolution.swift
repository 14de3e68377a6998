public import Operations
public import Tensors

/// A transposed convolution of floats to be computed.
public struct TransposedConvolutionCase: Sendable, CustomStringConvertible {
  /// What is special about the case.
  public let name: String
  /// `[N, C, spatial...]`
  public let x: Tensor
  /// `[C, M/groups, kernel...]`
  public let weights: Tensor
  /// `[M]`
  public let bias: Tensor?
  /// Window, groups and output extents.
  public let convolution: TransposedConvolution

  /// The name.
  public var description: String { name }

  /// Random values; the output is as large as the window says, plus `outputPadding`.
  public init(
    _ name: String, x: [Int], filters: Int, kernel: [Int], strides: [Int]? = nil,
    dilations: [Int]? = nil, padBefore: [Int]? = nil, padAfter: [Int]? = nil,
    outputPadding: Int = 0, groups: Int = 1, bias: Bool = true, extreme: Bool = false
  ) {
    var samples = SampleValues(seed: 2)
    func make(_ shape: [Int]) -> Tensor {
      extreme ? samples.extremeFloats(shape, period: 30, denormals: false) : samples.floats(shape)
    }
    let window = Window(
      kernel: kernel, strides: strides, dilations: dilations, padBefore: padBefore,
      padAfter: padAfter)
    self.name = name
    self.x = make(x)
    self.weights = make([x[1], filters / groups] + kernel)
    self.bias = bias ? make([filters]) : nil
    convolution = TransposedConvolution(
      window: window, groups: groups,
      outputExtents: kernel.indices.map { axis in
        (x[axis + 2] - 1) * window.strides[axis] + window.dilations[axis] * (kernel[axis] - 1) + 1
          - window.padBefore[axis] - window.padAfter[axis] + outputPadding
      })
  }

  /// The cases that every backend must compute alike.
  public static let all: [TransposedConvolutionCase] = [
    TransposedConvolutionCase(
      "2x2, stride 2", x: [2, 6, 5, 7], filters: 5, kernel: [2, 2], strides: [2, 2]),
    TransposedConvolutionCase(
      "3x3, stride 2, border, output padding", x: [1, 40, 6, 6], filters: 9, kernel: [3, 3],
      strides: [2, 2], padBefore: [1, 1], padAfter: [1, 1], outputPadding: 1),
    TransposedConvolutionCase("stride 1", x: [2, 3, 6, 5], filters: 4, kernel: [3, 3]),
    TransposedConvolutionCase(
      "taps that meet nothing", x: [1, 3, 4, 4], filters: 4, kernel: [2, 2], strides: [3, 3],
      outputPadding: 2),
    TransposedConvolutionCase(
      "dilation and groups", x: [1, 6, 5, 8], filters: 4, kernel: [3, 2], strides: [2, 3],
      dilations: [3, 2], padBefore: [1, 0], padAfter: [0, 2], groups: 2),
    TransposedConvolutionCase("one axis", x: [2, 4, 9], filters: 3, kernel: [4], strides: [2]),
    TransposedConvolutionCase(
      "three axes", x: [1, 3, 3, 4, 3], filters: 2, kernel: [2, 3, 2], strides: [2, 1, 2],
      bias: false),
    TransposedConvolutionCase(
      "infinities and NaN", x: [1, 5, 6, 6], filters: 6, kernel: [3, 3], strides: [2, 2],
      padBefore: [1, 1], padAfter: [1, 1], extreme: true),
    TransposedConvolutionCase("no image", x: [0, 3, 4, 4], filters: 2, kernel: [2, 2]),
  ]
}
