import OpenCLHost
import Tensors
public import Testing

@testable public import OpenCLBackend

/// A backend on every device that is there; each shared by all tests.
let backends: [OpenCLBackend] = ((try? Device.all()) ?? []).compactMap { try? OpenCLBackend($0) }

// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension OpenCLBackend: CustomTestStringConvertible {
  public var testDescription: String { facts.platform + ", " + name }
}

extension Trait where Self == ConditionTrait {
  /// Skips a test on a machine without OpenCL.
  static var needsDevice: Self { .enabled(if: !backends.isEmpty, "no OpenCL device") }
}

@Suite(.needsDevice) struct OpenCLBackendTests {
  @Test(arguments: backends) func tensorsComeBack(_ backend: OpenCLBackend) throws {
    for count in [0, 1, 3, 64, 1000, 100_000] {
      let tensor = Tensor((0..<count).map(Float.init), shape: [1, count])
      let value = try backend.upload(tensor)
      #expect(try backend.download(value) == tensor)
      #expect(
        try backend.download(backend.reshape(value, to: [count])) == tensor.reshaped(to: [count]))
    }
    let codes = Tensor([Int8]([-8, 7, 0]), as: .int4)
    #expect(try backend.download(backend.upload(codes)) == codes)
  }

  @Test func memoryIsUsedAgain() throws {
    for device in try Device.all() {
      let backend = try OpenCLBackend(device)
      for _ in 0..<3 {
        for size in [100, 70_000, 1 << 20] { _ = try backend.makeValue(.float32, [size]) }
      }
      #expect(backend.pool.allocations == 3)
      let first = try backend.makeValue(.float32, [100])
      let second = try backend.makeValue(.float32, [100])
      #expect(first.memory !== second.memory)
      #expect(backend.pool.allocations == 4)
    }
  }

  @Test(arguments: backends) func tooLargeAnAllocationIsADeviceError(
    _ backend: OpenCLBackend
  ) throws {
    let error = try #require(throws: DeviceError.self) {
      _ = try backend.makeValue(.float32, [1 << 44])
    }
    #expect(error.cause.isOutOfMemory)
    #expect(error.operation.contains("tooLargeAnAllocation"))
    #expect(error.description.hasPrefix(backend.name))
  }

  @Test(arguments: backends) func workGroupsFitTheDevice(_ backend: OpenCLBackend) {
    for wish in [[1 << 20], [64, 64], [1, 1, 1], [16, 16, 16]] {
      let group = backend.workGroup(wish, localBytes: 16)
      #expect(group.count == wish.count && zip(group, wish).allSatisfy { $0 >= 1 && $0 <= $1 })
      #expect(group.reduce(1, *) <= backend.facts.maxWorkGroupSize)
      #expect(group.reduce(16, *) <= max(16, backend.facts.localMemorySize))
    }
    #expect(backend.workGroup([1, 1]) == [1, 1])
  }
}
