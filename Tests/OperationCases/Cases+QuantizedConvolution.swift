public import Operations
public import Tensors

/// A quantized convolution to be computed.
public struct QuantizedConvolutionCase: Sendable, CustomStringConvertible {
  /// What is special about the case.
  public let name: String
  /// Codes, zero points and window.
  public let codes: CodeConvolutionCase
  /// The weights, packed if their type is narrower than a byte.
  public let weights: CodedWeights<Tensor>
  /// From sums to codes.
  public let requantization: Requantization<Tensor>

  /// The name.
  public var description: String { name }

  /// Random codes, and a multiplier that brings most sums into the range of the result.
  public init(
    _ codes: CodeConvolutionCase, to elementType: ElementType, bias: Bool = true,
    multiplierPerChannel: Bool = true
  ) {
    var samples = SampleValues(seed: 6)
    name = "\(codes.name), to \(elementType)"
    self.codes = codes
    let filters = codes.weights.shape[0]
    let depth = codes.weights.shape.dropFirst().reduce(1, *)
    if codes.weights.elementType.bitCount < 8 {
      weights = CodedWeights(
        packed: codes.weights.packedRows(), as: codes.weights.elementType,
        shape: codes.weights.shape, zeroPoint: codes.weightsZeroPoint)
    } else {
      weights = CodedWeights(codes.weights, zeroPoint: codes.weightsZeroPoint)
    }
    let spread =
      Float(codes.weights.elementType.integerRange!.count)
      * Float(codes.x.elementType.integerRange!.count) * Float(max(depth, 1)).squareRoot() / 12
    let multipliers = samples.floats(multiplierPerChannel ? [filters] : []).array(of: Float.self)
      .map { (0.5 + abs($0)) * 60 / spread }
    requantization = Requantization(
      bias: bias
        ? Tensor(
          samples.floats([filters]).array(of: Float.self).map { Int32($0 * spread) },
          shape: [filters]) : nil,
      multiplier: Tensor(multipliers, shape: multiplierPerChannel ? [filters] : []),
      zeroPoint: samples.codes([], as: elementType), to: elementType)
  }

  /// The codes as `backend` computes them.
  public func result<B: Backend>(on backend: B) throws -> Tensor {
    func value(_ tensor: Tensor?) throws -> B.Value? { try tensor.map { try backend.upload($0) } }
    var coded = CodedWeights(
      try backend.upload(weights.codes), zeroPoint: try value(weights.zeroPoint))
    coded.shape = weights.shape
    coded.packedType = weights.packedType
    let result = try backend.convolveQuantized(
      backend.upload(codes.x), zeroPoint: value(codes.zeroPoint), weights: coded,
      codes.convolution,
      Requantization(
        bias: value(requantization.bias), multiplier: backend.upload(requantization.multiplier),
        zeroPoint: backend.upload(requantization.zeroPoint), to: requantization.elementType))
    return try backend.download(result)
  }

  /// The codes by definition: exact sums of the unpacked codes, requantized.
  public var expected: Tensor {
    let reference = ReferenceBackend.shared
    let sums = reference.convolveCodes(
      codes.x, zeroPoint: codes.zeroPoint, weights: codes.weights,
      weightsZeroPoint: codes.weightsZeroPoint, codes.convolution)
    return reference.requantize(
      sums, bias: requantization.bias, multiplier: requantization.multiplier,
      zeroPoint: requantization.zeroPoint, axis: 1, to: requantization.elementType)
  }

  /// The cases that every backend must compute alike.
  public static let all: [QuantizedConvolutionCase] =
    CodeConvolutionCase.all.enumerated().map { index, codes in
      QuantizedConvolutionCase(
        codes, to: index.isMultiple(of: 2) ? .uint8 : .int8, bias: !index.isMultiple(of: 3),
        multiplierPerChannel: !index.isMultiple(of: 4))
    } + packed

  private static let packed = [
    QuantizedConvolutionCase(
      CodeConvolutionCase(
        "int4 packed, odd rows", x: [2, 5, 9, 9], as: .uint8, filters: 7, kernel: [3, 3],
        as: .int4, pad: [1, 1], weightsZeroPoint: [7]), to: .uint8),
    QuantizedConvolutionCase(
      CodeConvolutionCase(
        "uint4 packed", x: [1, 33, 6, 6], as: .uint8, filters: 13, kernel: [3, 3], as: .uint4,
        pad: [1, 1]), to: .int8),
    QuantizedConvolutionCase(
      CodeConvolutionCase(
        "uint2 packed, stride 2", x: [1, 9, 12, 12], as: .int8, filters: 6, kernel: [3, 3],
        as: .uint2, strides: [2, 2]), to: .int8),
    QuantizedConvolutionCase(
      CodeConvolutionCase(
        "int2 packed, depthwise", x: [1, 8, 12, 18], as: .uint8, filters: 8, kernel: [3, 3],
        as: .int2, pad: [1, 1], groups: 8), to: .uint8),
  ]
}
