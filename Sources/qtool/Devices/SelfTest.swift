import LowBit
import OperationCases

/// Operations on a backend compared with the reference: equal to the bit, or the device is not used.
struct SelfTest {
  let cases: [SelfTestCase]

  /// Everything that the project's own tests run.
  static var full: SelfTest {
    SelfTest(
      cases: ConvolutionCase.all.filter { !$0.hasDenormals }.map(SelfTestCase.convolution)
        + TransposedConvolutionCase.all.map(SelfTestCase.transposedConvolution)
        + CodeConvolutionCase.all.map(SelfTestCase.codeConvolution)
        + MatrixProductCase.all.map(SelfTestCase.matrixProduct)
        + CodeMatrixProductCase.all.map(SelfTestCase.codeMatrixProduct)
        + OperationCase.all.filter { !$0.hasDenormals }.map(SelfTestCase.operation))
  }

  /// A few milliseconds' worth: what every command runs before it trusts a device. A device that
  /// says that it keeps denormal numbers is tested for that too.
  static func short(keepsDenormals: Bool) -> SelfTest {
    SelfTest(
      cases: ConvolutionCase.all.filter { !$0.hasDenormals }.prefix(1).map(SelfTestCase.convolution)
        + CodeConvolutionCase.all.prefix(1).map(SelfTestCase.codeConvolution)
        + MatrixProductCase.all.prefix(1).map(SelfTestCase.matrixProduct)
        + probes.filter { keepsDenormals || !$0.hasDenormals }.map(SelfTestCase.operation))
  }

  /// Arithmetic that drivers get wrong: rounding to even, one rounding of a fused product and sum,
  /// denormal numbers, division, conversions that saturate, strided walks.
  private static var probes: [OperationCase] {
    let x = Tensor(
      [
        0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0x1.000002p0, 0x1.fffffep0, 1e-20, -3e10, 9.3e18,
        -9.3e18,
        .infinity, -.infinity, .nan,
      ] as [Float], shape: [2, 8])
    let row = Tensor([3, 0x1.000002p0, -7, 0x1.555556p-2, 1e9, 1e-10, 0.1, 10] as [Float])
    let tiny = Tensor([0x1p-126, -0x1.8p-126, 0x1p-140, 3] as [Float])
    let half = Tensor([0.5, 0.5, 1, 0.25] as [Float])
    return [
      OperationCase("rounding", .map(.round), [x]),
      OperationCase("fma", .map(.hardSigmoid(alpha: 0x1.000002p-2, beta: 0.5)), [x]),
      OperationCase("a product with a row", .combine(.multiply), [x, row]),
      OperationCase("a quotient by a row", .combine(.divide), [x, row]),
      OperationCase("denormal numbers", .combine(.multiply), [tiny, half], hasDenormals: true),
      OperationCase("transposition", .transpose([1, 0]), [x]),
      OperationCase("to 8 bits", .cast(.int8), [x]),
      OperationCase("to 64 bits", .cast(.int64), [x]),
      OperationCase(
        "codes", .quantize(.tensor, .uint8),
        [x, Tensor(scalar: Float(0.1)), Tensor(scalar: UInt8(128))]),
    ]
  }

  /// The first case whose result differs from the reference's.
  ///
  /// - Throws: what the backend throws.
  func failure(of backend: some Backend) throws -> String? {
    try firstFailure(of: backend)?.description
  }

  /// How many cases passed, and the descriptions of those that did not.
  func run(on backend: some Backend) throws -> (passed: Int, failures: [String]) {
    var failures: [String] = []
    for example in cases where try !example.isEqual(on: backend) {
      failures.append(example.description)
    }
    return (cases.count - failures.count, failures)
  }

  private func firstFailure(of backend: some Backend) throws -> SelfTestCase? {
    try cases.first { try !$0.isEqual(on: backend) }
  }
}

/// One operation with its arguments.
enum SelfTestCase: CustomStringConvertible {
  case convolution(ConvolutionCase)
  case transposedConvolution(TransposedConvolutionCase)
  case codeConvolution(CodeConvolutionCase)
  case matrixProduct(MatrixProductCase)
  case codeMatrixProduct(CodeMatrixProductCase)
  case operation(OperationCase)

  var description: String {
    switch self {
    case .convolution(let example): "convolution, \(example)"
    case .transposedConvolution(let example): "transposed convolution, \(example)"
    case .codeConvolution(let example): "integer convolution, \(example)"
    case .matrixProduct(let example): "matrix product, \(example)"
    case .codeMatrixProduct(let example): "integer matrix product, \(example)"
    case .operation(let example): "\(example)"
    }
  }

  /// Whether the backend's result has the reference's bits; NaNs are equal whatever their payload.
  func isEqual(on backend: some Backend) throws -> Bool {
    let expected = try result(on: ReferenceBackend.shared)
    let found = try result(on: backend)
    if found == expected { return true }
    guard found.elementType == .float32, expected.elementType == .float32,
      found.shape == expected.shape
    else { return false }
    return zip(found.array(of: Float.self), expected.array(of: Float.self)).allSatisfy {
      $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
    }
  }

  private func result<B: Backend>(on backend: B) throws -> Tensor {
    func value(_ tensor: Tensor?) throws -> B.Value? { try tensor.map { try backend.upload($0) } }
    switch self {
    case .convolution(let example):
      return try backend.download(
        backend.convolve(
          backend.upload(example.x), weights: backend.upload(example.weights),
          bias: value(example.bias), example.convolution))
    case .transposedConvolution(let example):
      return try backend.download(
        backend.convolveTransposed(
          backend.upload(example.x), weights: backend.upload(example.weights),
          bias: value(example.bias), example.convolution))
    case .codeConvolution(let example):
      return try backend.download(
        backend.convolveCodes(
          backend.upload(example.x), zeroPoint: value(example.zeroPoint),
          weights: backend.upload(example.weights),
          weightsZeroPoint: value(example.weightsZeroPoint), example.convolution))
    case .matrixProduct(let example):
      return try backend.download(
        backend.matrixMultiply(backend.upload(example.a), backend.upload(example.b)))
    case .codeMatrixProduct(let example):
      return try backend.download(
        backend.matrixMultiplyCodes(
          backend.upload(example.a), zeroPoint: value(example.aZeroPoint),
          backend.upload(example.b), zeroPoint: value(example.bZeroPoint)))
    case .operation(let example): return try example.result(on: backend)
    }
  }
}
