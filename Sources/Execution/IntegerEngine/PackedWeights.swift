import Graph
import Operations
import Tensors

/// The constant weights of a product of codes, as rows of filters `[M, C/groups, height, width]`.
struct PackedWeights {
  /// Codes a byte each in their own type, which may be narrower.
  var codes: Tensor
  /// One zero point, or one a filter; nothing stands for zero.
  var zeroPoint: Tensor?
  /// One scale, or one a filter.
  var scales: [Float]

  var filters: Int { codes.shape[0] }

  /// - Parameters:
  ///   - columns: Whether the codes are a matrix with a filter a column.
  /// - Returns: `nil` when anything is not constant or does not fit.
  init?(
    _ constants: GraphConstants, codes: String, scale: String?, zeroPoint: String,
    columns: Bool = false
  ) {
    guard var tensor = constants.codes(codes), tensor.count > 0 else { return nil }
    if columns {
      guard tensor.rank == 2 else { return nil }
      tensor = ReferenceBackend.shared.transpose(tensor, [1, 0])
    }
    guard let shape = Self.planeShape(tensor.shape) else { return nil }
    self.codes = tensor.reshaped(to: shape)
    if let scale {
      guard let scales = constants.floats(scale), [1, shape[0]].contains(scales.count) else {
        return nil
      }
      self.scales = scales
    } else {
      scales = [1]
    }
    guard !zeroPoint.isEmpty else { return }
    guard let zeros = constants[zeroPoint], CodeTypes.all.contains(zeros.elementType),
      zeros.elementType.bitCount <= 8,
      [1, shape[0]].contains(zeros.count)
    else { return nil }
    if zeros.integers().contains(where: { $0 != 0 }) {
      self.zeroPoint = zeros.reshaped(to: zeros.count == 1 ? [] : [shape[0]])
    }
  }

  /// `shape` with two spatial dimensions.
  private static func planeShape(_ shape: [Int]) -> [Int]? {
    switch shape.count {
    case 2: shape + [1, 1]
    case 3: [shape[0], shape[1], 1, shape[2]]
    case 4: shape
    default: nil
    }
  }
}

extension PackedWriter {
  /// Adds `weights` as constants: the names of codes and zero points, and the attributes that say
  /// how the codes lie.
  mutating func write(
    _ weights: PackedWeights, _ base: String
  ) -> (inputs: [String], attributes: [String: Attribute]) {
    var attributes: [String: Attribute] = ["weight_shape": .ints(weights.codes.shape)]
    let type = weights.codes.elementType
    let isPacked = type.bitCount < 8
    if isPacked { attributes["weight_type"] = .string("\(type)") }
    let codes = constant(
      isPacked ? weights.codes.packedRows() : weights.codes, "\(base)_filters")
    let zeroPoint = weights.zeroPoint.map { constant($0, "\(base)_filter_zero_points") }
    return ([codes, zeroPoint ?? ""], attributes)
  }
}
