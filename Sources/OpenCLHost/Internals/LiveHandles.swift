import Synchronization

/// How many OpenCL objects this process holds, by kind; tests check that it returns to what it was.
public struct LiveHandles: Sendable, Hashable {
  /// Contexts.
  public var contexts = 0
  /// Command queues.
  public var queues = 0
  /// Buffers.
  public var buffers = 0
  /// Programs.
  public var programs = 0
  /// Kernels.
  public var kernels = 0
  /// Events.
  public var events = 0
  /// Buffers that are mapped into host memory.
  public var mappings = 0

  /// The objects that exist now.
  public static var now: LiveHandles { counts.withLock { $0 } }

  static func add(_ kind: any WritableKeyPath<LiveHandles, Int> & Sendable, _ change: Int) {
    counts.withLock { $0[keyPath: kind] += change }
  }

  private static let counts = Mutex(LiveHandles())
}
