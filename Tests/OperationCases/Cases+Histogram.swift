public import Operations
public import Quantization
public import Tensors

/// A tensor, or every slice of one, to be counted.
public struct HistogramCase: Sendable, CustomStringConvertible {
  /// `float32`.
  public let x: Tensor
  /// The axis whose slices are counted one by one; `nil` for the tensor as a whole.
  public let axis: Int?
  /// The bins.
  public let layout: Histogram.Layout
  /// Shape, axis and what is special.
  public let description: String

  /// The values of ``values(_:specials:)``.
  public init(_ shape: [Int], axis: Int? = nil, specials: Bool, _ layout: Histogram.Layout) {
    self.init(
      "\(shape)\(axis.map { ", axis \($0)" } ?? "")\(specials ? ", NaN and others" : ""), \(layout)",
      Tensor(Self.values(shape.reduce(1, *), specials: specials), shape: shape), axis: axis, layout)
  }

  init(
    _ description: String, _ x: Tensor, axis: Int? = nil, _ layout: Histogram.Layout = .growing()
  ) {
    self.description = description
    self.x = x
    self.axis = axis
    self.layout = layout
  }

  /// The histograms as `backend` counts them.
  public func result<B: Backend>(on backend: B) throws -> [Histogram] {
    let value = try backend.upload(x)
    guard let axis else { return [try backend.histogram(value, layout: layout)] }
    return try backend.histograms(value, axis: axis, layout: layout)
  }

  /// Values whose magnitudes rise and fall, so that bins widen in the middle; some repeated.
  public static func values(_ count: Int, specials: Bool) -> [Float] {
    var state: UInt32 = 12345
    func next() -> UInt32 {
      state = state &* 1_664_525 &+ 1_013_904_223
      return state >> 8
    }
    return (0..<count).map { index in
      let value = (Float(next()) / 8_388_608 - 1) * Float(1 + index % 5000) / 1000
      if index % 3 == 0 { return max(value, 0) }
      if (3000..<6000).contains(index) { return 2.5 }
      if specials, index % 97 == 5 {
        return [.nan, .infinity, -.infinity, -0.0, 0x1p-139, 3e38, -0x1p-127][Int(next() % 7)]
      }
      return value
    }
  }

  /// The cases that every backend must count alike.
  public static let all: [HistogramCase] = tensors + axes + constants + [slices]

  private static let tensors = [0, 1, 15, 16, 17, 1023, 1025, 9_011].flatMap { count in
    [false, true].flatMap { specials in
      [
        Histogram.Layout.growing(), .growing(binsPerSide: 16),
        .fixed(exponent: -8, binsPerSide: 1024),
      ].map { HistogramCase([count], specials: specials, $0) }
    }
  }

  private static let axes = [
    [3, 5, 70], [2, 2, 3, 1100], [1, 7], [6, 1, 1], [700, 3], [90, 150],
  ]
  .flatMap { shape in
    shape.indices.map { HistogramCase(shape, axis: $0, specials: true, .growing()) }
  }

  private static let constants = [0, -0.0, 1, -3.75, 0x1p-149, -3e38 as Float].map {
    HistogramCase("all values \($0)", Tensor(repeating: $0, shape: [5000]))
  }

  /// Enough for several groups; the largest magnitudes come last.
  private static var slices: HistogramCase {
    let values = values(120_000, specials: false)
    return HistogramCase(
      "several groups",
      Tensor(values.enumerated().map { $0.element * ($0.offset > 110_000 ? 1000 : 1) }))
  }
}
