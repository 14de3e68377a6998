import Tensors

/// `(x * scale - mean) / std`, computed in double precision and rounded once to the model's type.
struct ValueArithmetic {
  private let scale: Fraction
  private let means: [Double]
  private let deviations: [Double]
  /// Elements that follow each other within one channel; channels then alternate.
  private let run: Int
  private let channels: Int

  private var isIdentity: Bool {
    scale.value == 1 && means.allSatisfy { $0 == 0 } && deviations.allSatisfy { $0 == 1 }
  }

  /// - Parameters:
  ///   - shape: of the tensors that it will be applied to, with the batch dimension.
  ///   - layout: where the channels are; `nil` looks for a dimension as long as the means.
  init(
    _ specification: DataSpecification, shape: [Int], layout: DataSpecification.Layout?,
    _ name: String
  ) throws(DataError) {
    scale = specification.scale
    means = specification.mean.isEmpty ? [0] : specification.mean.map(\.value)
    deviations =
      specification.standardDeviation.isEmpty
      ? [1] : specification.standardDeviation.map(\.value)
    let listed = max(means.count, deviations.count)
    guard listed > 1 else {
      run = 1
      channels = 1
      return
    }
    let last = shape.count - 1
    let axis: Int? =
      switch layout {
      case .nchw: shape.count > 1 ? 1 : nil
      case .nhwc: last
      case nil: [1, last].first { shape.indices.contains($0) && shape[$0] == listed }
      }
    guard let axis, shape[axis] == listed, [1, listed].contains(means.count),
      [1, listed].contains(deviations.count)
    else {
      throw DataError(
        "\(name): mean has \(means.count) and std \(deviations.count) values, which is not one for "
          + "each channel of shape \(shape); layout= says where the channels are")
    }
    channels = listed
    run = shape[(axis + 1)...].reduce(1, *)
  }

  /// The values of `tensor` as a type.
  ///
  /// - Throws: ``DataError`` for a NaN, and for a value that an integer type does not hold.
  func apply(
    to tensor: Tensor, as elementType: ElementType, _ name: String
  ) throws(DataError) -> Tensor {
    if tensor.elementType.isFloatingPoint { try refuseNaN(tensor, name) }
    if isIdentity, tensor.elementType == elementType { return tensor }
    if tensor.elementType == .uint8, elementType == .float32 { return fromBytes(tensor) }
    var values = tensor.doubles()
    if !isIdentity {
      for index in values.indices {
        values[index] = result(values[index], channel: index / run % channels)
      }
    }
    return try Tensor(rounding: values, shape: tensor.shape, to: elementType, name)
  }

  private func result(_ x: Double, channel: Int) -> Double {
    let mean = means[means.count == 1 ? 0 : channel]
    let deviation = deviations[deviations.count == 1 ? 0 : channel]
    return (x * scale.numerator / scale.denominator - mean) / deviation
  }

  /// Bytes have 256 results a channel.
  private func fromBytes(_ tensor: Tensor) -> Tensor {
    let tables = (0..<channels).map { channel in
      (0..<256).map { Float(result(Double($0), channel: channel)) }
    }
    return Tensor(shape: tensor.shape) { (output: UnsafeMutableBufferPointer<Float>) in
      tensor.withElements(of: UInt8.self) { input in
        var index = 0
        var channel = 0
        while index < input.count {
          let end = min(index + (channels == 1 ? input.count : run), input.count)
          tables[channel].withUnsafeBufferPointer { table in
            for position in index..<end { output[position] = table[Int(input[position])] }
          }
          index = end
          channel = channel + 1 == channels ? 0 : channel + 1
        }
      }
    }
  }

  private func refuseNaN(_ tensor: Tensor, _ name: String) throws(DataError) {
    let count = tensor.doubles().reduce(0) { $0 + ($1.isNaN ? 1 : 0) }
    if count > 0 {
      throw DataError("\(name): \(count) of \(tensor.count) values are NaN")
    }
  }
}
