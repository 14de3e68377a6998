import OpenCLBackend
import OpenCLHost
import OperationCases
import Operations
import Tensors
import Testing

/// Packed codes on every device that is there, in its own form, in plain OpenCL C and in the form for
/// GPUs, against the reference: equal.
@Suite(.needsDevice) struct DevicePackedConvolutionTests {
  private static let everyForm: [OpenCLBackend] =
    backends.flatMap { backend in
      [
        try? OpenCLBackend(backend.device),
        try? OpenCLBackend(backend.device, integerTier: .plain),
        try? OpenCLBackend(backend.device, assuming: .gpu),
      ].compactMap { $0 }
    }

  private let reference = ReferenceBackend.shared

  @Test(arguments: everyForm) func codesSurvivePacking(_ backend: OpenCLBackend) throws {
    for example in PackingCase.all {
      let packed = try backend.packCodes(
        backend.upload(example.codes), zeroPoint: 0, bits: example.bits)
      let expected = reference.packCodes(example.codes, zeroPoint: 0, bits: example.bits)
      #expect(try backend.download(packed).bytes == expected.bytes, "\(example)")
      let codes = try backend.unpackCodes(
        packed, to: example.codes.elementType, shape: example.codes.shape)
      #expect(try backend.download(codes) == example.codes, "\(example)")
    }
  }

  @Test(arguments: everyForm) func sumPacked(_ backend: OpenCLBackend) throws {
    for example in PackedConvolutionCase.all {
      #expect(try example.sums(on: backend) == example.expectedSums, "\(example)")
    }
  }

  @Test(arguments: everyForm) func convolvePacked(_ backend: OpenCLBackend) throws {
    for example in PackedConvolutionCase.all {
      #expect(
        try example.result(on: backend) == example.result(on: reference), "\(example)")
    }
  }

  /// The instructions that a device is found to have say why, and processors stay on the device.
  @Test(arguments: everyForm) func integerTier(_ backend: OpenCLBackend) throws {
    let tier = backend.integerTier
    #expect(!tier.reason.isEmpty)
    guard backend.facts.isCPU, let example = PackedConvolutionCase.all.first else { return }
    #expect(tier.kind != .tiles)
    _ = try example.result(on: backend)
    #expect(backend.hostOperations.isEmpty)
  }
}
