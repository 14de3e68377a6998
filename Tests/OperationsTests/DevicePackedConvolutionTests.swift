import OpenCLBackend
import OpenCLHost
import OperationCases
import Operations
import Tensors
import Testing

/// Packed codes on every device that is there, in its own form and in that for GPUs, against the
/// reference: equal.
@Suite(.needsDevice) struct DevicePackedConvolutionTests {
  private static let everyForm: [OpenCLBackend] =
    backends.flatMap { backend in
      [nil, .gpu].compactMap { try? OpenCLBackend(backend.device, assuming: $0) }
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
}
