import Glibc
package import OpenCLHost
import Synchronization
import Tensors

/// A buffer that values share. When the last of them has gone, it returns to its pool.
package final class DeviceMemory: Sendable {
  /// The buffer.
  package let buffer: Buffer
  /// The host tensor that the buffer lies over, if it was uploaded without a copy.
  let source: TensorStorage?
  /// What kernels made of the elements for themselves, kept as long as they are.
  let companions = Mutex<[CompanionKey: Companion]>([:])
  private let pool: MemoryPool?

  /// Memory of a pool.
  init(_ buffer: Buffer, from pool: MemoryPool) {
    self.buffer = buffer
    self.pool = pool
    source = nil
  }

  /// Memory that is nobody else's: `source`'s, or a copy.
  init(_ buffer: Buffer, over source: TensorStorage?) {
    self.buffer = buffer
    self.source = source
    pool = nil
  }

  deinit { pool?.takeBack(buffer) }
}

extension DeviceMemory: KernelArgument {
  package func withArgument<Result>(_ body: (Int, UnsafeRawPointer?) -> Result) -> Result {
    buffer.withArgument(body)
  }
}

/// Page-aligned host memory that a CPU device uses in place.
///
/// `@unchecked Sendable` because the owner of the buffer over it decides who touches the bytes.
final class HostBlock: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  /// Uninitialised memory; `nil` if there is none.
  init?(byteCount: Int) {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 4096, byteCount) == 0, let memory else { return nil }
    bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
  }

  deinit { free(bytes.baseAddress) }
}
