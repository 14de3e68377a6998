import COpenCL

/// A command that was enqueued.
public final class Event: Sendable {
  let handle: cl_event

  init(adopting handle: cl_event) {
    self.handle = handle
    LiveHandles.add(\.events, 1)
  }

  deinit {
    Calls.release(handle)
    LiveHandles.add(\.events, -1)
  }

  /// Waits until the command is done.
  public func wait() throws(OpenCLError) { try Calls.wait(for: handle) }

  /// Whether the command is done; throws the command's own failure.
  public var isComplete: Bool {
    get throws(OpenCLError) {
      let status = try info(cl_int.self) { (size, value, returned) throws(OpenCLError) in
        try Calls.eventInfo(
          handle, CL_EVENT_COMMAND_EXECUTION_STATUS, size, value, returned)
      }
      if status < 0 { throw OpenCLError(status: status, function: "clGetEventInfo") }
      return status == CL_COMPLETE
    }
  }

  /// Waits, and returns the nanoseconds that the command ran.
  ///
  /// - Precondition: the queue was made with profiling.
  public func nanoseconds() throws(OpenCLError) -> UInt64 {
    try wait()
    return try time(CL_PROFILING_COMMAND_END) &- time(CL_PROFILING_COMMAND_START)
  }

  private func time(_ key: Int32) throws(OpenCLError) -> UInt64 {
    try info(UInt64.self) { (size, value, returned) throws(OpenCLError) in
      try Calls.profilingInfo(handle, key, size, value, returned)
    }
  }
}
