import COpenCL

/// Bytes of a context's device.
///
/// Sendable, because every OpenCL call on a memory object is thread-safe; the order of reads and
/// writes is that of the queue.
public final class Buffer: Sendable {
  let handle: cl_mem
  /// The context.
  public let context: Context
  /// The size in bytes.
  public let byteCount: Int

  /// Uninitialised memory of the device, or zeros.
  ///
  /// - Precondition: `byteCount` is positive.
  public init(_ context: Context, byteCount: Int) throws(OpenCLError) {
    precondition(byteCount > 0, "a buffer of \(byteCount) bytes")
    self.context = context
    self.byteCount = byteCount
    handle = try context.counting(byteCount) { () throws(OpenCLError) in
      try Calls.createBuffer(
        context.handle, flags: CL_MEM_READ_WRITE, byteCount: byteCount, hostMemory: nil)
    }
    LiveHandles.add(\.buffers, 1)
  }

  /// A buffer over the host's memory at `bytes`, which the device reads and writes in place where
  /// it can; while it is not mapped, the host must not touch the memory. `owner` is kept until the
  /// device no longer needs the memory.
  package init(
    _ context: Context, over bytes: UnsafeMutableRawBufferPointer, keeping owner: AnyObject,
    readOnly: Bool
  ) throws(OpenCLError) {
    precondition(bytes.count > 0, "a buffer of no bytes")
    self.context = context
    byteCount = bytes.count
    handle = try context.counting(byteCount) { () throws(OpenCLError) in
      try Calls.createBuffer(
        context.handle,
        flags: CL_MEM_USE_HOST_PTR | (readOnly ? CL_MEM_READ_ONLY : CL_MEM_READ_WRITE),
        byteCount: bytes.count, hostMemory: bytes.baseAddress)
    }
    LiveHandles.add(\.buffers, 1)
    try Calls.keep(owner, aliveWith: handle)
  }

  deinit {
    Calls.release(handle)
    context.giveBack(byteCount)
    LiveHandles.add(\.buffers, -1)
  }
}

// MARK: - Copying

extension Buffer {
  /// A buffer that holds `values`.
  public convenience init<Element: BitwiseCopyable>(
    _ queue: Queue, _ values: [Element]
  ) throws(OpenCLError) {
    try self.init(queue.context, byteCount: values.count * MemoryLayout<Element>.stride)
    try write(values, queue)
  }

  /// Waits for the queue and copies the first `count` elements to the host.
  public func read<Element: BitwiseCopyable>(
    _: Element.Type = Element.self, count: Int? = nil, _ queue: Queue
  ) throws(OpenCLError) -> [Element] {
    let stride = MemoryLayout<Element>.stride
    let count = count ?? byteCount / stride
    guard count > 0 else { return [] }
    precondition(count * stride <= byteCount, "\(count) elements are not in \(byteCount) bytes")
    let elements = UnsafeMutableBufferPointer<Element>.allocate(capacity: count)
    defer { elements.deallocate() }
    try read(into: UnsafeMutableRawBufferPointer(elements), queue)
    return Array(elements)
  }

  /// Copies `values` to the start of the buffer; they may be changed when this returns.
  public func write<Element: BitwiseCopyable>(
    _ values: [Element], _ queue: Queue
  ) throws(OpenCLError) {
    let bytes = values.count * MemoryLayout<Element>.stride
    precondition(bytes <= byteCount, "\(bytes) bytes do not fit \(byteCount)")
    guard bytes > 0 else { return }
    let result = values.withUnsafeBytes { source in
      Result { () throws(OpenCLError) in try write(from: source, queue) }
    }
    try result.get()
  }

  /// Waits for the queue and fills `bytes` from `offset` on.
  package func read(
    into bytes: UnsafeMutableRawBufferPointer, offset: Int = 0, _ queue: Queue
  ) throws(OpenCLError) {
    guard bytes.count > 0 else { return }
    precondition(offset >= 0 && offset + bytes.count <= byteCount, "read outside of the buffer")
    try Calls.read(queue.handle, handle, offset: offset, into: bytes)
  }

  /// Copies `bytes` to `offset`; they may be changed when this returns.
  package func write(
    from bytes: UnsafeRawBufferPointer, offset: Int = 0, _ queue: Queue
  ) throws(OpenCLError) {
    guard bytes.count > 0 else { return }
    precondition(offset >= 0 && offset + bytes.count <= byteCount, "write outside of the buffer")
    try Calls.write(queue.handle, handle, offset: offset, from: bytes)
  }

  /// Enqueues a copy of `byteCount` bytes from another buffer.
  public func copy(
    from source: Buffer, sourceOffset: Int = 0, targetOffset: Int = 0, byteCount: Int,
    _ queue: Queue
  ) throws(OpenCLError) {
    try Calls.copy(
      queue.handle, from: source.handle, sourceOffset: sourceOffset, to: handle,
      targetOffset: targetOffset, byteCount: byteCount)
  }

  /// Enqueues the repetition of `value` over the buffer; `count` values from the start, or all.
  ///
  /// - Precondition: the size of `Element` is a power of two of at most 128.
  public func fill<Element: BitwiseCopyable>(
    _ value: Element, count: Int? = nil, _ queue: Queue
  ) throws(OpenCLError) {
    let stride = MemoryLayout<Element>.stride
    let bytes = (count ?? byteCount / stride) * stride
    guard bytes > 0 else { return }
    let result = withUnsafeBytes(of: value) { pattern in
      Result { () throws(OpenCLError) in
        try Calls.fill(queue.handle, handle, pattern: pattern, offset: 0, byteCount: bytes)
      }
    }
    try result.get()
  }
}
