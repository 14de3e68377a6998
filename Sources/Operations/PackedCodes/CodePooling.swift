/// How a number becomes one of a tensor's codes.
public struct CodeScaling: Sendable, Hashable {
  /// The unit of the codes.
  public var scale: Float
  /// The code of zero.
  public var zeroPoint: Int
  /// The codes that may occur.
  public var codes: ClosedRange<Int>

  /// A scaling.
  public init(scale: Float, zeroPoint: Int, codes: ClosedRange<Int> = 0...255) {
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.codes = codes
  }
}

/// Pooling of packed 8-bit codes over two dimensions.
public struct CodePooling: Sendable, Hashable {
  /// What is computed over a window; taps outside of the input are left out.
  public enum Function: Sendable, Hashable {
    /// The largest code.
    case maximum
    /// ONNX Runtime's QLinearAveragePool: `rint(mean / scale + zeroPoint)` in `float32`, where the mean
    /// is that of `(code - x.zeroPoint) * unit`, added in row-major order and divided once.
    case average(unit: Float, CodeScaling, countsBorder: Bool)
    /// ONNX Runtime's QLinearGlobalAveragePool over a window: exact sums of `code - x.zeroPoint`, then
    /// `rint(Float(sum) * (unit / (scale * taps))) + zeroPoint`, `taps` those of a whole window.
    case mean(unit: Float, CodeScaling)
    /// The quotient of integers `sum * multiplier / (taps << shift)` in 64 bits, where the sum is that of
    /// `code - x.zeroPoint`: halves up, or everything down; plus the zero point.
    case quotient(FixedPoint, roundsHalfUp: Bool, CodeScaling, countsBorder: Bool)
  }

  /// What is computed.
  public var function: Function
  /// The window.
  public var window: Window
  /// Extents of the output, which ONNX's `ceil_mode` can enlarge.
  public var outputExtents: [Int]

  /// Makes a pooling operation.
  public init(_ function: Function, window: Window, outputExtents: [Int]) {
    precondition(window.kernel.count == 2, "pooling of packed codes over \(window)")
    self.function = function
    self.window = window
    self.outputExtents = outputExtents
  }

  /// The result's code of zero for input codes with this one.
  public func zeroPoint(of input: Int) -> Int {
    switch function {
    case .maximum: input
    case .average(_, let result, _), .mean(_, let result), .quotient(_, _, let result, _):
      result.zeroPoint
    }
  }

  /// The factor of ``Function/mean(unit:_:)``.
  package func factor(unit: Float, scale: Float) -> Float {
    unit / (scale * Float(window.kernel.reduce(1, *)))
  }
}
