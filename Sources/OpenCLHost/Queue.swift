import COpenCL

/// An in-order queue: commands run one after the other as they were enqueued.
///
/// Sendable, because every OpenCL call on a queue is thread-safe.
public final class Queue: Sendable {
  let handle: cl_command_queue
  /// The context.
  public let context: Context
  /// Whether events know their times.
  public let isProfiling: Bool

  /// A queue of the context's device; with `profiling`, events know when they started and ended.
  public init(_ context: Context, profiling: Bool = false) throws(OpenCLError) {
    self.context = context
    isProfiling = profiling
    handle = try Calls.createQueue(context.handle, context.device.id, profiling: profiling)
    LiveHandles.add(\.queues, 1)
  }

  deinit {
    Calls.release(handle)
    LiveHandles.add(\.queues, -1)
  }

  /// Sends what is enqueued to the device and returns.
  public func flush() throws(OpenCLError) { try Calls.flush(handle) }

  /// Waits for everything that is enqueued.
  public func finish() throws(OpenCLError) { try Calls.finish(handle) }
}
