public import Operations
public import Tensors

/// A convolution of packed codes to be computed.
public struct PackedConvolutionCase: Sendable, CustomStringConvertible {
  /// Which of the named ways from sums to codes a case takes.
  public enum RoundingKind: Sendable, CaseIterable {
    case float, integer, shift, floorShift
  }

  /// What is special about the case.
  public let name: String
  /// Codes `[N, C, H, W]`, held a byte each.
  public let x: Tensor
  /// The zero point of `x`.
  public let zeroPoint: Int
  /// Bits in which `x` is packed.
  public let bits: Int
  /// The largest code that `x` may have, where it is less than its bits hold.
  public let maximum: Int?
  /// Weights a byte each, `[M, C/groups, kernel...]`.
  public let weightCodes: Tensor
  /// A scalar or `[M]`.
  public let weightsZeroPoint: Tensor?
  /// Window and groups.
  public let convolution: Convolution
  /// From sums to codes.
  public let epilogue: Epilogue<Tensor>

  /// The name.
  public var description: String { name }

  /// The weights, packed if their type is narrower than a byte.
  public var weights: CodedWeights<Tensor> {
    weightCodes.elementType.bitCount < 8
      ? CodedWeights(
        packed: weightCodes.packedRows(), as: weightCodes.elementType, shape: weightCodes.shape,
        zeroPoint: weightsZeroPoint)
      : CodedWeights(weightCodes, zeroPoint: weightsZeroPoint)
  }

  /// Random codes, and parameters that bring most sums into the range of the result.
  ///
  /// `pads` are top, left, bottom, right. With a `maximum`, codes of `x` are at most that. `codes` are those of the result, by default all that
  /// `resultBits` hold.
  public init(
    _ name: String, x: [Int], as xType: ElementType = .uint8, bits: Int = 8, filters: Int,
    kernel: [Int], weights weightType: ElementType = .int8, strides: [Int]? = nil,
    dilations: [Int]? = nil, pads: [Int] = [0, 0, 0, 0], groups: Int = 1,
    weightsZeroPoint: [Int]? = nil, rounding: RoundingKind = .float, perChannel: Bool = true,
    bias: Bool = true, resultBits: Int = 8, codes: ClosedRange<Int>? = nil, residual: Bool = false,
    maximum: Int? = nil
  ) {
    var samples = SampleValues(seed: UInt64(truncatingIfNeeded: x[1] &* 977 &+ filters))
    self.name = name
    self.bits = bits
    self.maximum = maximum
    let shape = [filters, x[1] / groups] + kernel
    (self.x, zeroPoint) = samples.narrowCodes(
      x, as: xType, bits: bits, count: maximum.map { $0 + 1 } ?? 1 << bits)
    weightCodes = samples.codes(shape, as: weightType)
    self.weightsZeroPoint = weightsZeroPoint.map { samples.codes($0, as: weightType) }
    let window = Window(
      kernel: kernel, strides: strides, dilations: dilations, padBefore: Array(pads[..<2]),
      padAfter: Array(pads[2...]))
    convolution = Convolution(window: window, groups: groups)
    let depth = shape[1...].reduce(1, *)
    // The standard deviation of a sum, were codes uniform and independent, within a factor of two.
    let spread =
      Float(weightType.integerRange!.count << bits) * Float(max(depth, 1)).squareRoot() / 12
    let range = codes ?? 0...(1 << resultBits - 1)
    epilogue = samples.epilogue(
      rounding, filters: perChannel ? filters : nil, spread: spread, range: range,
      bias: bias ? filters : nil, bits: resultBits,
      residual: residual
        ? [x[0], filters, window.outputExtent(x[2], axis: 0), window.outputExtent(x[3], axis: 1)]
        : nil)
  }

  /// All codes at the ends of their ranges, so that sums are as large as weights of a channel make them.
  public init(
    largestSums name: String, channels: Int, filters: Int,
    weight: (_ channel: Int) -> Int8 = { _ in -128 }
  ) {
    self.name = name
    x = Tensor(repeating: UInt8(255), shape: [1, channels, 3, 5])
    (zeroPoint, bits, maximum) = (0, 8, nil)
    weightCodes = Tensor(
      (0..<filters * channels).map { weight($0 % channels) }, shape: [filters, channels, 1, 1])
    weightsZeroPoint = nil
    convolution = Convolution(window: Window(kernel: [1, 1]))
    epilogue = Epilogue(
      rounding: .float(multiplier: Tensor(scalar: Float(0x1p-19))), zeroPoint: 200, codes: 0...255)
  }

  /// Codes of 0 and 63 and weights of -14 and 14: the largest that 16 products can have.
  public init(atBothEnds name: String, channels: Int, filters: Int) {
    var samples = SampleValues(seed: 77)
    self.name = name
    x = Tensor(
      (0..<channels * 42).map { _ in samples.next().isMultiple(of: 2) ? UInt8(0) : 63 },
      shape: [1, channels, 6, 7])
    (zeroPoint, bits, maximum) = (9, 8, 63)
    weightCodes = Tensor(
      (0..<filters * channels * 9).map { _ in samples.next().isMultiple(of: 2) ? Int8(-14) : 14 },
      shape: [filters, channels, 3, 3])
    weightsZeroPoint = nil
    convolution = Convolution(
      window: Window(kernel: [3, 3], padBefore: [1, 1], padAfter: [1, 1]))
    epilogue = Epilogue(
      rounding: .float(multiplier: Tensor(scalar: Float(0x1p-9))), zeroPoint: 128, codes: 0...255)
  }

  /// The case's codes on `backend`, packed.
  public func packed<B: Backend>(on backend: B) throws -> PackedCodes<B.Value> {
    var packed = try backend.packCodes(backend.upload(x), zeroPoint: zeroPoint, bits: bits)
    if let maximum { packed.maximum = maximum }
    return packed
  }

  /// The bytes of the result as `backend` computes them.
  public func result<B: Backend>(on backend: B) throws -> Tensor {
    try backend.download(
      backend.convolvePacked(
        packed(on: backend), weights: weights.map(backend.upload), convolution,
        epilogue.map(backend.upload))
    ).bytes
  }

  /// The sums as `backend` computes them.
  public func sums<B: Backend>(on backend: B) throws -> Tensor {
    try backend.download(
      backend.sumPacked(packed(on: backend), weights: weights.map(backend.upload), convolution))
  }

  /// The sums by definition, of codes that were never packed.
  public var expectedSums: Tensor {
    let isSigned = Int8.represents(x.elementType)
    return ReferenceBackend.shared.convolveCodes(
      x,
      zeroPoint: isSigned
        ? Tensor([Int8(zeroPoint)], shape: [], as: x.elementType)
        : Tensor([UInt8(zeroPoint)], shape: [], as: x.elementType),
      weights: weightCodes, weightsZeroPoint: weightsZeroPoint, convolution)
  }
}

extension SampleValues {
  /// The `count` lowest codes `[...]` of `elementType` that `bits` hold, and a zero point among them.
  fileprivate mutating func narrowCodes(
    _ shape: [Int], as elementType: ElementType, bits: Int, count: Int
  ) -> (Tensor, Int) {
    let isSigned = Int8.represents(elementType)
    let lowest = isSigned ? -(1 << (bits - 1)) : 0
    let zeroPoint = lowest + Int(next() % UInt64(count))
    let values = (0..<shape.reduce(1, *)).map { _ in lowest + Int(next() % UInt64(count)) }
    let codes =
      isSigned
      ? Tensor(values.map { Int8($0) }, shape: shape, as: elementType)
      : Tensor(values.map { UInt8($0) }, shape: shape, as: elementType)
    return (codes, zeroPoint)
  }

  /// An epilogue whose results lie in `range` for most sums of standard deviation `spread`, with one
  /// parameter a filter where `filters` are given.
  fileprivate mutating func epilogue(
    _ kind: PackedConvolutionCase.RoundingKind, filters: Int?, spread: Float,
    range: ClosedRange<Int>, bias: Int?, bits: Int, residual: [Int]?
  ) -> Epilogue<Tensor> {
    let shape = filters.map { [$0] } ?? []
    let factors = floats(shape).array(of: Float.self).map {
      (0.5 + abs($0)) * Float(range.count) / (4 * spread)
    }
    let middle = range.lowerBound + range.count / 2
    var epilogue = Epilogue<Tensor>(
      bias: bias.map { Tensor(floats([$0]).array(of: Float.self).map { Int32($0 * spread) }) },
      rounding: rounding(kind, factors, shape), zeroPoint: middle, codes: range, bits: bits)
    if let residual {
      epilogue.residual = Residual(
        ReferenceBackend.shared.packCodes(codes(residual, as: .uint8), zeroPoint: 117, bits: 8),
        otherScale: 0.021, scale: 0.034, resultScale: 0.047 * Float(256 / range.count),
        resultZeroPoint: middle - 1, resultCodes: (range.lowerBound + 1)...range.upperBound)
    }
    return epilogue
  }

  private func rounding(
    _ kind: PackedConvolutionCase.RoundingKind, _ factors: [Float], _ shape: [Int]
  ) -> Rounding<Tensor> {
    // The power of two nearest to a factor from above, as a shift to the right.
    func shifts(_ offset: Int) -> Tensor {
      Tensor(factors.map { Int32(max(0, offset - Int($0.exponent))) }, shape: shape)
    }
    switch kind {
    case .float: return .float(multiplier: Tensor(factors, shape: shape))
    case .integer:
      // 31 bits of each factor.
      let mantissas = factors.map { Int32($0.significand * 0x1p29) }
      return .integer(multiplier: Tensor(mantissas, shape: shape), shift: shifts(29))
    case .shift: return .shift(shifts(0))
    case .floorShift: return .floorShift(shifts(0))
    }
  }
}
