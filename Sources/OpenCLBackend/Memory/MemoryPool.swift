import OpenCLHost
import Synchronization

/// Buffers that are kept for the next value of about the same size, so that running a graph a second
/// time allocates nothing.
///
/// Handing a buffer on is safe while earlier commands still use it, because the queue is in order.
final class MemoryPool: Sendable {
  private let queue: Queue
  private let usesHostMemory: Bool
  private let idleLimit: Int
  private let state = Mutex(State())

  fileprivate struct State {
    /// Oldest first.
    var idle: [Buffer] = []
    var idleBytes = 0
    var allocations = 0
  }

  /// A pool that keeps at most `idleLimit` bytes that nobody uses. With `usesHostMemory`, buffers lie
  /// over memory of the host, which CPU devices use in place.
  init(_ queue: Queue, usesHostMemory: Bool, idleLimit: Int) {
    self.queue = queue
    self.usesHostMemory = usesHostMemory
    self.idleLimit = idleLimit
  }

  /// How many buffers were made so far.
  var allocations: Int { state.withLock { $0.allocations } }

  /// Uninitialised memory of at least `byteCount` bytes, rounded up so that whole vectors fit.
  func allocate(_ byteCount: Int) throws(OpenCLError) -> DeviceMemory {
    let wanted = Self.rounded(byteCount)
    if let buffer = state.withLock({ $0.takeBestFit(wanted) }) {
      return DeviceMemory(buffer, from: self)
    }
    do throws(OpenCLError) {
      return DeviceMemory(try make(wanted), from: self)
    } catch {
      guard error.isOutOfMemory else { throw error }
      releaseIdle()
      try queue.finish()  // memory of released buffers comes back when commands are done
      return DeviceMemory(try make(wanted), from: self)
    }
  }

  /// Gives everything that nobody uses back to the device.
  func releaseIdle() {
    state.withLock {
      $0.idle = []
      $0.idleBytes = 0
    }
  }

  func takeBack(_ buffer: Buffer) {
    let dropped = state.withLock { state -> [Buffer] in
      state.idle.append(buffer)
      state.idleBytes += buffer.byteCount
      var dropped: [Buffer] = []
      while state.idleBytes > idleLimit, !state.idle.isEmpty {
        let oldest = state.idle.removeFirst()
        state.idleBytes -= oldest.byteCount
        dropped.append(oldest)
      }
      return dropped
    }
    withExtendedLifetime(dropped) {}  // released outside of the lock
  }

  private func make(_ byteCount: Int) throws(OpenCLError) -> Buffer {
    state.withLock { $0.allocations += 1 }
    guard usesHostMemory else { return try Buffer(queue.context, byteCount: byteCount) }
    guard let block = HostBlock(byteCount: byteCount) else {
      throw OpenCLError(status: -6, function: "posix_memalign")
    }
    return try Buffer(queue.context, over: block.bytes, keeping: block, readOnly: false)
  }

  /// Whole pages above 64 KiB, whole cache lines below.
  private static func rounded(_ byteCount: Int) -> Int {
    let unit = byteCount > 1 << 16 ? 4096 : 64
    return (max(byteCount, 1) + unit - 1) / unit * unit
  }
}

extension MemoryPool.State {
  /// The smallest idle buffer of `byteCount` to 1.25 times as much.
  fileprivate mutating func takeBestFit(_ byteCount: Int) -> Buffer? {
    let limit = byteCount + byteCount / 4
    var best: Int?
    for index in idle.indices where (byteCount...limit).contains(idle[index].byteCount) {
      // Of equals the one that was used last: its memory is most likely still in a cache.
      if let best, idle[best].byteCount < idle[index].byteCount { continue }
      best = index
    }
    guard let best else { return nil }
    idleBytes -= idle[best].byteCount
    return idle.remove(at: best)
  }
}
