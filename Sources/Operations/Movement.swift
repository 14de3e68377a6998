/// A border around a tensor.
public struct Padding: Sendable, Hashable {
  /// Where the border's elements come from.
  public enum Mode: Sendable, Hashable {
    /// One value, converted to the tensor's type.
    case constant(Double)
    /// The nearest element.
    case edge
    /// Mirrored without repeating the edge.
    case reflect
    /// From the opposite side.
    case wrap
  }

  /// Elements added before every axis; negative crops.
  public var before: [Int]
  /// Elements added after every axis; negative crops.
  public var after: [Int]
  /// The border's elements.
  public var mode: Mode

  /// Makes a border.
  public init(before: [Int], after: [Int], mode: Mode = .constant(0)) {
    self.before = before
    self.after = after
    self.mode = mode
  }
}

/// ONNX's Resize with everything settled but the elements.
public struct Resampling: Sendable, Hashable {
  /// How an output coordinate maps to the input.
  public enum Coordinates: Sendable, Hashable {
    case halfPixel, halfPixelSymmetric, pytorchHalfPixel, alignCorners, asymmetric
    case tensorflowHalfPixelForNearest
    /// Crop and resize; per axis, in units of the extent.
    case cropAndResize(start: [Float], end: [Float], extrapolation: Float)
  }
  /// How values between elements are found.
  public enum Interpolation: Sendable, Hashable {
    case nearest(Rounding)
    case linear
    case cubic(a: Float)
  }
  /// How the nearest mode rounds.
  public enum Rounding: Sendable, Hashable {
    case preferFloor, preferCeil, floor, ceil
  }

  /// Output extents, one an axis.
  public var extents: [Int]
  /// Scales, one an axis, as the model states them or as the extents imply.
  public var scales: [Float]
  /// The mapping of coordinates.
  public var coordinates: Coordinates
  /// The interpolation.
  public var interpolation: Interpolation
  /// Whether taps outside the input are dropped and the others renormalised.
  public var excludesOutside: Bool
  /// Whether a low-pass filter is applied when an axis shrinks.
  public var antialias: Bool

  /// Makes a resampling.
  public init(
    extents: [Int], scales: [Float], coordinates: Coordinates, interpolation: Interpolation,
    excludesOutside: Bool = false, antialias: Bool = false
  ) {
    self.extents = extents
    self.scales = scales
    self.coordinates = coordinates
    self.interpolation = interpolation
    self.excludesOutside = excludesOutside
    self.antialias = antialias
  }
}

/// How scales and zero points lie over a tensor.
public enum QuantizationLayout: Sendable, Hashable {
  /// One pair for all elements.
  case tensor
  /// One pair an index along `axis`.
  case axis(Int)
  /// One pair for every `size` neighbours along `axis`.
  case blocks(axis: Int, size: Int)
}
