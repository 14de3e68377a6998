import Glibc

/// The bytes of a tensor: zeroed, aligned to 64 bytes so that vector loads and OpenCL's
/// `CL_MEM_USE_HOST_PTR` need no copy, and released with the last tensor that refers to them.
///
/// `@unchecked Sendable` because the bytes are written before the storage is shared and only read
/// afterwards.
package final class TensorStorage: @unchecked Sendable {
  package let bytes: UnsafeMutableRawPointer
  package let byteCount: Int
  private let release: (UnsafeMutableRawPointer) -> Void

  /// Storage of at least this many bytes is pages of its own, which go back to the system when it
  /// is released. In the heap, large storage whose size changes with the batch leaves holes that
  /// nothing else fits, and peak memory grows with the number of samples.
  private static let smallestMapping = 1 << 18

  /// Zeroed memory of its own.
  package init(byteCount: Int) {
    self.byteCount = byteCount
    if byteCount >= Self.smallestMapping {
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
      guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
        memory != MAP_FAILED
      else { HostMemory.exhausted(byteCount: byteCount) }
      bytes = memory
      release = { munmap($0, byteCount) }
      return
    }
    // Rounded up so that whole vectors may be read at the end.
    let rounded = (max(byteCount, 1) + 63) & ~63
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, rounded >= 1 << 16 ? 4096 : 64, rounded) == 0, let memory else {
      HostMemory.exhausted(byteCount: byteCount)
    }
    memset(memory, 0, rounded)
    bytes = memory
    release = { free($0) }
  }

  /// Memory that somebody else allocated, such as a mapped file; `release` is called once, with
  /// `bytes`, when the last tensor has gone.
  package init(
    bytes: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping (UnsafeMutableRawPointer) -> Void
  ) {
    self.bytes = bytes
    self.byteCount = byteCount
    self.release = release
  }

  deinit { release(bytes) }
}
