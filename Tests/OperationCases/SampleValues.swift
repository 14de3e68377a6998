public import Tensors

/// Reproducible values for cases; the same seed gives the same values everywhere.
public struct SampleValues: Sendable {
  private var state: UInt64

  /// Starts a sequence.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits (SplitMix64 by Steele, Lea and Flood, 2014).
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A tensor of floats in -1..<1 with 24 random bits each.
  public mutating func floats(_ shape: [Int]) -> Tensor {
    Tensor(
      (0..<shape.reduce(1, *)).map { _ in Float(Int32(truncatingIfNeeded: next()) >> 8) * 0x1p-23 },
      shape: shape)
  }

  /// Floats of which one in `period` is special: infinite, not a number, zero of either sign, the
  /// largest or the smallest normal number, and, if `denormals`, smaller than that.
  public mutating func extremeFloats(_ shape: [Int], period: UInt64, denormals: Bool) -> Tensor {
    var specials: [Float] = [
      .infinity, -.infinity, .nan, 0, -0.0, .greatestFiniteMagnitude, -.leastNormalMagnitude,
    ]
    if denormals { specials += [.leastNonzeroMagnitude, -0x1p-140, 0x1.8p-127] }
    let ordinary = floats(shape).array(of: Float.self)
    let values = ordinary.map { value in
      next() % period == 0 ? specials[Int(next() % UInt64(specials.count))] : value
    }
    return Tensor(values, shape: shape)
  }

  /// A tensor of codes over the whole range of an integer type held in a byte.
  public mutating func codes(_ shape: [Int], as elementType: ElementType) -> Tensor {
    let range = elementType.integerRange!
    let values = (0..<shape.reduce(1, *)).map { _ in
      range.lowerBound + Int(next() % UInt64(range.count))
    }
    return Int8.represents(elementType)
      ? Tensor(values.map { Int8($0) }, shape: shape, as: elementType)
      : Tensor(values.map { UInt8($0) }, shape: shape, as: elementType)
  }
}
