public import Operations
public import Tensors

/// One call of an operation with given arguments: what tests compare between backends and what
/// benchmarks time.
public struct OperationCase: Sendable, CustomStringConvertible {
  /// An operation with everything but its tensors.
  public enum Operation: Sendable {
    case map(UnaryFunction)
    case combine(BinaryFunction)
    /// Of condition, a, b.
    case select
    case cast(ElementType)
    case transpose([Int])
    case slice(starts: [Int], steps: [Int], extents: [Int])
    case pad(Padding)
    case concatenate(axis: Int)
    /// Of x, indices.
    case gather(axis: Int)
    case broadcast([Int])
    case resize(Resampling)
    case reduce(Reduction, axes: [Int])
    case softmax(axis: Int, logarithm: Bool)
    case normalize(axes: [Int], epsilon: Float)
    case pool(Pooling)
    case localResponseNormalize(size: Int, alpha: Float, beta: Float, bias: Float)
    /// Of x, scale and perhaps zero point.
    case quantize(QuantizationLayout, ElementType)
    /// Of codes, scale and perhaps zero point.
    case dequantize(QuantizationLayout)
    /// Of sums, multiplier, zero point and perhaps bias.
    case requantize(axis: Int, ElementType)
    /// Of codes, table.
    case mapCodes(ElementType, axis: Int, channels: Int)
    /// Of codes of two tensors, which are packed.
    case combineCodes(CodeCombination, zeroPoints: [Int], CodeScaling)
    /// Of codes, which are packed.
    case poolCodes(CodePooling, zeroPoint: Int)
    /// Of codes of several tensors, which are packed.
    case moveCodes(CodeMovement)
    /// Of x, dy.
    case convolutionWeightGradient(Convolution)
    /// Of x, dy.
    case maximumPoolGradient(Pooling)
    /// Of x, scale, zero point.
    case fakeQuantize(QuantizationLayout, levels: Int)
    /// Of x, scale, zero point, dy.
    case fakeQuantizeGradient(QuantizationLayout, levels: Int)
  }

  /// What is special about the case.
  public let name: String
  /// What is computed.
  public let operation: Operation
  /// The tensors, in the operation's order.
  public let inputs: [Tensor]
  /// Whether operands, results or what lies between are denormal numbers that matter, so that a
  /// device that flushes them may differ.
  public let hasDenormals: Bool

  /// The operation and the name.
  public var description: String { "\(operation): \(name)" }

  /// Makes a case.
  public init(
    _ name: String, _ operation: Operation, _ inputs: [Tensor], hasDenormals: Bool = false
  ) {
    self.name = name
    self.operation = operation
    self.inputs = inputs
    self.hasDenormals = hasDenormals
  }

  /// Every case of every topic.
  public static var all: [OperationCase] {
    elementwise + movement + casts + reductions + poolings + quantizations + resamplings
      + codeArithmetic + packedMovements + trainings
  }

  /// Computes the case on `backend` and brings the result back.
  public func result<B: Backend>(on backend: B) throws -> Tensor {
    let values = try inputs.map { try backend.upload($0) }
    return try backend.download(compute(values, on: backend))
  }

  /// Computes the case on values that `backend` holds already.
  public func compute<B: Backend>(_ x: [B.Value], on backend: B) throws -> B.Value {
    switch operation {
    case .map(let function): try backend.map(function, x[0])
    case .combine(let function): try backend.combine(function, x[0], x[1])
    case .select: try backend.select(x[0], x[1], x[2])
    case .cast(let elementType): try backend.cast(x[0], to: elementType)
    case .transpose(let permutation): try backend.transpose(x[0], permutation)
    case .slice(let starts, let steps, let extents):
      try backend.slice(x[0], starts: starts, steps: steps, extents: extents)
    case .pad(let padding): try backend.pad(x[0], padding)
    case .concatenate(let axis): try backend.concatenate(x, axis: axis)
    case .gather(let axis): try backend.gather(x[0], indices: x[1], axis: axis)
    case .broadcast(let shape): try backend.broadcast(x[0], to: shape)
    case .resize(let resampling): try backend.resize(x[0], resampling)
    case .reduce(let function, let axes): try backend.reduce(function, x[0], axes: axes)
    case .softmax(let axis, let logarithm):
      try backend.softmax(x[0], axis: axis, logarithm: logarithm)
    case .normalize(let axes, let epsilon):
      try backend.normalize(x[0], axes: axes, epsilon: epsilon)
    case .pool(let pooling): try backend.pool(x[0], pooling)
    case .localResponseNormalize(let size, let alpha, let beta, let bias):
      try backend.localResponseNormalize(x[0], size: size, alpha: alpha, beta: beta, bias: bias)
    case .convolutionWeightGradient(let convolution):
      try backend.convolutionWeightGradient(x[0], x[1], convolution)
    case .maximumPoolGradient(let pooling): try backend.maximumPoolGradient(x[0], x[1], pooling)
    case .fakeQuantize(let layout, let levels):
      try backend.fakeQuantize(x[0], scale: x[1], zeroPoint: x[2], layout: layout, levels: levels)
    case .fakeQuantizeGradient(let layout, let levels):
      try backend.fakeQuantizeGradient(
        x[0], scale: x[1], zeroPoint: x[2], dy: x[3], layout: layout, levels: levels)
    default: try computeCodes(x, on: backend)
    }
  }

  private func computeCodes<B: Backend>(_ x: [B.Value], on backend: B) throws -> B.Value {
    switch operation {
    case .quantize(let layout, let elementType):
      try backend.quantize(
        x[0], scale: x[1], zeroPoint: x.count > 2 ? x[2] : nil, layout: layout, to: elementType)
    case .dequantize(let layout):
      try backend.dequantize(
        x[0], scale: x[1], zeroPoint: x.count > 2 ? x[2] : nil, layout: layout)
    case .requantize(let axis, let elementType):
      try backend.requantize(
        x[0], bias: x.count > 3 ? x[3] : nil, multiplier: x[1], zeroPoint: x[2], axis: axis,
        to: elementType)
    case .mapCodes(let elementType, let axis, let channels):
      try backend.mapCodes(
        x[0], table: x[1], to: elementType, axis: axis, channels: channels)
    case .combineCodes(let combination, let zeroPoints, let result):
      try backend.combinePacked(
        combination, backend.packCodes(x[0], zeroPoint: zeroPoints[0], bits: 8),
        backend.packCodes(x[1], zeroPoint: zeroPoints[1], bits: 8), to: result
      ).bytes
    case .poolCodes(let pooling, let zeroPoint):
      try backend.poolPacked(
        backend.packCodes(x[0], zeroPoint: zeroPoint, bits: 8), pooling
      ).bytes
    case .moveCodes(let movement):
      try backend.movePacked(
        x.map { try backend.packCodes($0, zeroPoint: 0, bits: 8) }, movement
      ).bytes
    default: preconditionFailure("\(operation) has no codes")
    }
  }
}

extension SampleValues {
  /// Floats that reach every branch of an elementary function: zeros, units, powers of two, the
  /// special values, and `count` random ones of several magnitudes. None whose exponential is
  /// denormal.
  public mutating func branches(_ count: Int = 333) -> Tensor {
    var values: [Float] = [0, -0.0, .infinity, -.infinity, .nan, 1e-30, -1e-30, 1e30, -1e30]
    for magnitude: Float in [1e-8, 1e-3, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 10, 20, 86, 1e4, 4e4] {
      values += [magnitude, -magnitude, magnitude.nextUp, -magnitude.nextDown]
    }
    let magnitudes: [Float] = [0.01, 1, 8, 80]
    let random = floats([count]).array(of: Float.self)
    values += random.enumerated().map { $1 * magnitudes[$0 % magnitudes.count] }
    return Tensor(values)
  }

  /// Integers of `elementType` over its whole range, its ends and the values about 0 first.
  public mutating func integers(_ shape: [Int], as elementType: ElementType) -> Tensor {
    let range = elementType.integerRange!
    let first = [0, 1, 2, -1, -2, range.lowerBound, range.upperBound].filter(range.contains)
    let values = (0..<shape.reduce(1, *)).map { index -> Int64 in
      if index < first.count { return Int64(first[index]) }
      let bits = Int(truncatingIfNeeded: next())
      return Int64(
        elementType.bitCount == 64
          ? abs(bits / 2)
          : range.lowerBound
            + Int(UInt(bitPattern: bits) % UInt(range.count)))
    }
    return ReferenceBackend.shared.cast(Tensor(values, shape: shape), to: elementType)
  }
}
