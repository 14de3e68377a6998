import Tensors

/// Weights less their zero points, `[M][C/groups][taps]`.
struct WeightDifferences: Sendable {
  /// Within -255...255.
  var values: [Int16]
  /// The smallest and the largest of them.
  var range: ClosedRange<Int>

  /// Of codes held a byte each, and of zero points: none, one or one a filter.
  init(codes: Tensor, zeroPoint: Tensor?, filters: Int) {
    let zeroPoints = zeroPoint.map { Self.numbers($0) } ?? [0]
    values = Self.numbers(codes)
    let length = values.count / max(1, filters)
    for filter in 0..<filters {
      let zero = zeroPoints[zeroPoints.count == 1 ? 0 : filter]
      guard zero != 0 else { continue }
      for index in filter * length..<(filter + 1) * length { values[index] -= zero }
    }
    range = Int(values.min() ?? 0)...Int(values.max() ?? 0)
  }

  private static func numbers(_ codes: Tensor) -> [Int16] {
    Int8.represents(codes.elementType)
      ? codes.withElements(of: Int8.self) { $0.map { Int16($0) } }
      : codes.withElements(of: UInt8.self) { $0.map { Int16($0) } }
  }
}

extension WeightDifferences {
  /// The greatest step that all differences from the smallest are multiples of.
  var stride: Int {
    var divisor = 0
    var isPresent = [Bool](repeating: false, count: range.count)
    for value in values { isPresent[Int(value) - range.lowerBound] = true }
    for step in isPresent.indices where isPresent[step] {
      var (a, b) = (divisor, step)
      while b != 0 { (a, b) = (b, a % b) }
      divisor = a
    }
    return max(1, divisor)
  }

  /// Planes of the codes that they are, less the smallest, multiples of ``stride``.
  var planes: Int {
    let largest = (range.upperBound - range.lowerBound) / stride
    return max(1, Int.bitWidth - largest.leadingZeroBitCount)
  }

  /// The narrowest field that holds them: 8, 4 or 2 bits.
  ///
  /// In a narrow field they count 2^(8 - bits) times what they are, so that sums of `depth` products
  /// must have room for it.
  func fieldBits(depth: Int) -> Int {
    guard depth <= Int(Int32.max) / (255 * 128) else { return 8 }
    return [2, 4].first { bits in
      -(1 << (bits - 1)) <= range.lowerBound && range.upperBound < 1 << (bits - 1)
    } ?? 8
  }
}
