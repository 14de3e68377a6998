/// A tensor of integers as it stands in a stream.
public struct CodedTensor: Sendable, Hashable {
  /// topology_elem_id.
  public var name: String
  /// The extents; at least one dimension, no extent being 0.
  public var shape: [Int]
  /// What a decoder should hold the values in.
  public var format: CodedFormat
  /// The values in row-major order; -2^31 cannot be coded.
  public var values: [Int32]

  /// What the name of a tensor in an update ends with whose values are added to the base's.
  static let differenceMark = "+"

  /// A tensor.
  public init(name: String, shape: [Int], format: CodedFormat, values: [Int32]) {
    self.name = name
    self.shape = shape
    self.format = format
    self.values = values
  }
}

/// nnr_decompressed_data_format of ISO/IEC 15938-17, without the formats for floats and wider integers.
public enum CodedFormat: Int, Sendable, Hashable, CaseIterable {
  case int32 = 0
  case int2 = 2
  case int3 = 3
  case int4 = 4
  case int8 = 5
  case int16 = 6

  /// Bits of a value.
  public var bits: Int {
    switch self {
    case .int32: 32
    case .int2: 2
    case .int3: 3
    case .int4: 4
    case .int8: 8
    case .int16: 16
    }
  }

  /// The values; of 32 bits all but the least.
  public var range: ClosedRange<Int> {
    let end = 1 << (bits - 1) - 1
    return (self == .int32 ? -end : -end - 1)...end
  }

  /// The narrowest format for all of `values`.
  public init(holding values: ClosedRange<Int>) {
    let fitting = Self.allCases.filter {
      $0.range.lowerBound <= values.lowerBound && $0.range.upperBound >= values.upperBound
    }
    self = fitting.min { $0.bits < $1.bits } ?? .int32
  }
}
