/// How a kernel moves over the spatial dimensions of a tensor `[N, C, spatial...]`.
public struct Window: Sendable, Hashable {
  /// Extents of the kernel.
  public var kernel: [Int]
  /// Distance between neighbouring outputs.
  public var strides: [Int]
  /// Distance between neighbouring taps.
  public var dilations: [Int]
  /// Border before the first element, along every spatial dimension.
  public var padBefore: [Int]
  /// Border after the last element.
  public var padAfter: [Int]

  /// A window; everything but the kernel defaults to none.
  public init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padBefore: [Int]? = nil,
    padAfter: [Int]? = nil
  ) {
    self.kernel = kernel
    self.strides = strides ?? kernel.map { _ in 1 }
    self.dilations = dilations ?? kernel.map { _ in 1 }
    self.padBefore = padBefore ?? kernel.map { _ in 0 }
    self.padAfter = padAfter ?? kernel.map { _ in 0 }
  }

  /// Extent of the output along spatial dimension `axis` for an input of `extent`:
  /// `(extent + pads - dilation * (kernel - 1) - 1) / stride + 1`, at least 0.
  public func outputExtent(_ extent: Int, axis: Int) -> Int {
    let covered = dilations[axis] * (kernel[axis] - 1) + 1
    let free = extent + padBefore[axis] + padAfter[axis] - covered
    return free < 0 ? 0 : free / strides[axis] + 1
  }
}

/// A convolution: a window and the number of groups into which channels are cut.
public struct Convolution: Sendable, Hashable {
  /// The window.
  public var window: Window
  /// Groups; output channel m reads the input channels of group `m / (M / groups)`.
  public var groups: Int

  /// Makes a convolution.
  public init(window: Window, groups: Int = 1) {
    self.window = window
    self.groups = groups
  }
}

/// A transposed convolution with its output extents already settled.
public struct TransposedConvolution: Sendable, Hashable {
  /// The window of the convolution whose transpose this is.
  public var window: Window
  /// Groups.
  public var groups: Int
  /// Spatial extents of the output.
  public var outputExtents: [Int]

  /// Makes a transposed convolution.
  public init(window: Window, groups: Int = 1, outputExtents: [Int]) {
    self.window = window
    self.groups = groups
    self.outputExtents = outputExtents
  }
}

/// A pooling operation.
public struct Pooling: Sendable, Hashable {
  /// What is computed over a window.
  public enum Function: Sendable, Hashable {
    case maximum
    /// The mean; of the taps that fall on the input, or of all that fall on input and border.
    case average(countsBorder: Bool)
    /// The p-norm.
    case norm(p: Int)
  }

  /// What is computed.
  public var function: Function
  /// The window.
  public var window: Window
  /// Spatial extents of the output, which ONNX's `ceil_mode` can enlarge.
  public var outputExtents: [Int]

  /// Makes a pooling operation.
  public init(_ function: Function, window: Window, outputExtents: [Int]) {
    self.function = function
    self.window = window
    self.outputExtents = outputExtents
  }
}
