import OperationCases
package import Operations
import Tensors

/// Operations on a backend compared with the reference: equal to the bit, or the device is not used.
package struct SelfTest {
  package let cases: [SelfTestCase]

  /// Everything that the project's own tests run.
  package static var full: SelfTest {
    let convolutions: [SelfTestCase] =
      ConvolutionCase.all.filter { !$0.hasDenormals }.map(SelfTestCase.convolution)
      + TransposedConvolutionCase.all.map(SelfTestCase.transposedConvolution)
      + CodeConvolutionCase.all.map(SelfTestCase.codeConvolution)
      + PackingCase.all.map(SelfTestCase.packing)
      + PackedConvolutionCase.all.map(SelfTestCase.packedConvolution)
    return SelfTest(
      cases: convolutions + MatrixProductCase.all.map(SelfTestCase.matrixProduct)
        + CodeMatrixProductCase.all.map(SelfTestCase.codeMatrixProduct)
        + OperationCase.all.filter { !$0.hasDenormals }.map(SelfTestCase.operation)
        + HistogramCase.all.map(SelfTestCase.histogram) + SearchCase.all.map(SelfTestCase.search))
  }

  /// The cases that one of `texts` describes: in full, or where it is nobody's description, in part.
  package func cases(describedBy texts: [String]) -> SelfTest {
    let described = cases.map { (example: $0, description: $0.description) }
    let whole = Set(described.map(\.description)).intersection(texts)
    let parts = texts.filter { !whole.contains($0) }
    return SelfTest(
      cases: described.filter { _, description in
        whole.contains(description) || parts.contains(where: description.contains)
      }.map(\.example))
  }

  /// A few milliseconds' worth: what every command runs before it trusts a device. A device that
  /// says that it keeps denormal numbers is tested for that too.
  package static func short(keepsDenormals: Bool) -> SelfTest {
    SelfTest(
      cases: ConvolutionCase.all.filter { !$0.hasDenormals }.prefix(1).map(SelfTestCase.convolution)
        + CodeConvolutionCase.all.prefix(1).map(SelfTestCase.codeConvolution)
        + MatrixProductCase.all.prefix(1).map(SelfTestCase.matrixProduct)
        + probes.filter { keepsDenormals || !$0.hasDenormals }.map(SelfTestCase.operation))
  }

  /// Arithmetic that drivers get wrong: rounding to even, one rounding of a fused product and sum,
  /// denormal numbers, division, conversions that saturate, strided walks,
  /// and long loops, which llvmpipe leaves before their end.
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
    let long = Tensor(repeating: Float(1), shape: [70_000])
    return [
      OperationCase("70,000 rounds of a loop", .reduce(.sum, axes: [0]), [long]),
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
  package func failure(of backend: some Backend) throws -> String? {
    try firstFailure(of: backend)?.description
  }

  /// How many cases passed, and the descriptions of those that did not.
  package func run(on backend: some Backend) throws -> (passed: Int, failures: [String]) {
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
