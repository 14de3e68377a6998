import OpenCLBackend
import OperationCases
import Operations
import Tensors
import Testing

/// Every device that is there against the reference: equal bit by bit.
@Suite(.needsDevice) struct DeviceOperationTests {
  @Test(arguments: backends) func elementwise(_ backend: OpenCLBackend) throws {
    try check(OperationCase.elementwise, on: backend)
  }

  @Test(arguments: backends) func casts(_ backend: OpenCLBackend) throws {
    try check(OperationCase.casts, on: backend)
  }

  @Test(arguments: backends) func movement(_ backend: OpenCLBackend) throws {
    try check(OperationCase.movement, on: backend)
  }

  @Test(arguments: backends) func reductions(_ backend: OpenCLBackend) throws {
    try check(OperationCase.reductions, on: backend)
  }

  @Test(arguments: backends) func poolings(_ backend: OpenCLBackend) throws {
    try check(OperationCase.poolings, on: backend)
  }

  @Test(arguments: backends) func quantizations(_ backend: OpenCLBackend) throws {
    try check(OperationCase.quantizations, on: backend)
  }

  @Test(arguments: backends) func resamplings(_ backend: OpenCLBackend) throws {
    try check(OperationCase.resamplings, on: backend)
  }

  @Test(arguments: backends) func codeArithmetic(_ backend: OpenCLBackend) throws {
    try check(OperationCase.codeArithmetic, on: backend)
  }

  /// Shapes of the size of models' tensors never leave the device.
  @Test(arguments: backends) func largeShapes(_ shared: OpenCLBackend) throws {
    let backend = try OpenCLBackend(shared.device)
    try check(OperationCase.large, on: backend)
    #expect(backend.hostOperations == [:])
  }

  private func check(_ cases: [OperationCase], on backend: OpenCLBackend) throws {
    for example in cases where !example.hasDenormals || backend.facts.keepsDenormals {
      let expected = try example.result(on: ReferenceBackend.shared)
      let result = try example.result(on: backend)
      #expect(
        result.elementType == expected.elementType && result.shape == expected.shape, "\(example)")
      #expect(
        expected.elementType == .float32 ? haveEqualFloats(result, expected) : result == expected,
        "\(example)")
    }
  }
}
