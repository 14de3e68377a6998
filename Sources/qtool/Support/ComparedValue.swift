import Glibc
import LowBit

/// How far a value of one model is from the same value of another, over all samples.
struct ComparedValue: Encodable {
  /// The value's name in the first model.
  let name: String
  /// Elements compared.
  private(set) var count = 0
  /// Mean squared value over mean squared difference, in decibels; infinite when equal. Floats only.
  var sqnr: Double? {
    guard maximumDifference == nil, count > 0 else { return nil }
    return noise == 0 ? .infinity : 10 * log10(signal / noise)
  }
  /// The largest difference of integers.
  private(set) var maximumDifference: Int?

  private var signal = 0.0
  private var noise = 0.0

  init(name: String) { self.name = name }

  private enum CodingKeys: String, CodingKey { case name, count, sqnr, maximumDifference }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(count, forKey: .count)
    try container.encodeIfPresent(sqnr, forKey: .sqnr)
    try container.encodeIfPresent(maximumDifference, forKey: .maximumDifference)
  }

  /// Smaller is worse; integers come by their difference before floats.
  var rank: Double {
    if let maximumDifference { return -Double(maximumDifference) - 1e9 }
    // What is no number is as far off as can be.
    return sqnr.map { $0.isNaN ? -.infinity : $0 } ?? .infinity
  }

  /// Adds a sample's tensors.
  mutating func add(_ expected: Tensor, _ found: Tensor) {
    guard let a = expected.numbers, let b = found.numbers else { return }
    count += a.count
    if expected.elementType.isInteger, found.elementType.isInteger {
      let largest = zip(a, b).map { abs($0 - $1) }.max() ?? 0
      maximumDifference = max(maximumDifference ?? 0, Int(largest))
      return
    }
    for (x, y) in zip(a, b) {
      signal += x * x
      noise += (x - y) * (x - y)
    }
  }

  /// A value and its names in both models.
  struct Pair {
    let name: String
    let first: String
    let second: String
  }

  /// The values that both models have. A value that only the second one quantizes is compared as its
  /// readers see it, after it was dequantized.
  static func pairs(_ a: Graph, _ b: Graph) -> [Pair] {
    let names = a.nodes.flatMap(\.outputs).filter { !$0.isEmpty }
    let own = Set(names)
    let others = Set(b.nodes.flatMap(\.outputs))
    return names.compactMap { name in
      let dequantized = "\(name)_dequantized"
      if others.contains(dequantized), !own.contains(dequantized) {
        return Pair(name: name, first: name, second: dequantized)
      }
      return others.contains(name) ? Pair(name: name, first: name, second: name) : nil
    }
  }
}

extension Tensor {
  /// The elements of the common numeric types as `Double`.
  fileprivate var numbers: [Double]? {
    switch elementType {
    case .float32: array(of: Float.self).map(Double.init)
    case .float64: array(of: Double.self)
    case .int8, .int4, .int2: array(of: Int8.self).map(Double.init)
    case .uint8, .uint4, .uint2: array(of: UInt8.self).map(Double.init)
    case .int16: array(of: Int16.self).map(Double.init)
    case .uint16: array(of: UInt16.self).map(Double.init)
    case .int32: array(of: Int32.self).map(Double.init)
    case .int64: array(of: Int64.self).map(Double.init)
    default: nil
    }
  }
}
