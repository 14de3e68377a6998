import COpenCL

/// A buffer's bytes in the host's address space, from the moment when everything that was enqueued
/// before is done until the mapping ends.
public struct Mapping: ~Copyable {
  /// What the host does with the bytes.
  public enum Access: Sendable {
    case read
    /// Everything is overwritten; what was there need not be brought.
    case overwrite
    case readAndWrite
  }

  package let bytes: UnsafeMutableRawBufferPointer
  private let buffer: Buffer
  private let queue: Queue
  private var isMapped = true

  /// Waits for the queue and maps `byteCount` bytes from the start of `buffer`, or all.
  public init(
    _ buffer: Buffer, byteCount: Int? = nil, for access: Access, _ queue: Queue
  ) throws(OpenCLError) {
    let byteCount = byteCount ?? buffer.byteCount
    precondition(byteCount > 0 && byteCount <= buffer.byteCount, "mapping outside of the buffer")
    let flags =
      switch access {
      case .read: CL_MAP_READ
      case .overwrite: CL_MAP_WRITE_INVALIDATE_REGION
      case .readAndWrite: CL_MAP_READ | CL_MAP_WRITE
      }
    let address = try Calls.map(
      queue.handle, buffer.handle, flags: flags, offset: 0, byteCount: byteCount)
    bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
    self.buffer = buffer
    self.queue = queue
    LiveHandles.add(\.mappings, 1)
  }

  /// Ends the mapping; commands that are enqueued afterwards see what the host wrote.
  public consuming func unmap() throws(OpenCLError) {
    isMapped = false
    LiveHandles.add(\.mappings, -1)
    if let address = bytes.baseAddress {
      try Calls.unmap(queue.handle, buffer.handle, address)
    }
  }

  deinit {
    guard isMapped else { return }
    LiveHandles.add(\.mappings, -1)
    if let address = bytes.baseAddress {
      // Nobody is left to tell; what uses the queue next reports a lost device.
      try? Calls.unmap(queue.handle, buffer.handle, address)
    }
  }
}
