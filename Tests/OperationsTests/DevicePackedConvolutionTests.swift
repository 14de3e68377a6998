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

  /// A tier that a device could have and neither takes nor has in `everyForm`.
  struct OtherTier: Sendable {
    let device: Device
    let kind: IntegerTier.Kind
  }

  private static let otherTiers: [OtherTier] =
    backends.filter(\.facts.isCPU).flatMap { backend in
      backend.possibleIntegerTiers
        .filter { $0 != .plain && $0 != backend.integerTier.kind }
        .map { OtherTier(device: backend.device, kind: $0) }
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

  /// What this machine's processor could do too, on cases that differ in what instructions are given:
  /// how words lie, how large products and their sums are.
  @Test(arguments: otherTiers) func otherInstructions(_ tier: OtherTier) throws {
    let backend = try OpenCLBackend(tier.device, integerTier: tier.kind)
    let names = [
      "3 channels", "65 channels, 1x1", "7x7, stride 2, three images", "groups of odd sizes",
      "4 bits, 33 channels", "int4 weights, zero point a filter",
      "uint8 weights, zero point a filter",
      "64 levels and weights of 14 at both ends",
    ]
    let examples = PackedConvolutionCase.all.filter { names.contains($0.name) }
    #expect(examples.count == names.count)
    for example in examples + PackedConvolutionCase.fullSums {
      #expect(try example.sums(on: backend) == example.expectedSums, "\(example)")
    }
    let example = try #require(examples.first)
    #expect(try example.result(on: backend) == example.result(on: reference))
    #expect(backend.hostOperations.isEmpty)
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
