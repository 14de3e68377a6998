import COpenCL

/// Compiled kernels.
public final class Program: Sendable {
  let handle: cl_program
  /// The context.
  public let context: Context

  private init(_ context: Context, adopting handle: cl_program) {
    self.context = context
    self.handle = handle
    LiveHandles.add(\.programs, 1)
  }

  deinit {
    Calls.release(handle)
    LiveHandles.add(\.programs, -1)
  }

  /// Builds `source`; a failure carries the compiler's log.
  public convenience init(
    _ context: Context, source: String, options: String = ""
  ) throws(OpenCLError) {
    self.init(context, adopting: try Calls.createProgram(context.handle, source: source))
    try build(options)
  }

  /// Builds from what ``binary()`` returned on the same device and driver.
  public convenience init(
    _ context: Context, binary: [UInt8], options: String = ""
  ) throws(OpenCLError) {
    self.init(
      context,
      adopting: try Calls.createProgram(context.handle, context.device.id, binary: binary))
    try build(options)
  }

  private func build(_ options: String) throws(OpenCLError) {
    do throws(OpenCLError) {
      try Calls.build(handle, context.device.id, options: options)
    } catch {
      throw OpenCLError(status: error.status, function: error.function, log: log)
    }
  }

  /// What the compiler said.
  public var log: String? {
    let text = try? infoString { (size, value, returned) throws(OpenCLError) in
      try Calls.buildInfo(
        handle, context.device.id, CL_PROGRAM_BUILD_LOG, size, value, returned)
    }
    return text.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The driver's own form of the compiled program; empty where it has none.
  public func binary() throws(OpenCLError) -> [UInt8] {
    let size = try info(Int.self) { (size, value, returned) throws(OpenCLError) in
      try Calls.programInfo(handle, CL_PROGRAM_BINARY_SIZES, size, value, returned)
    }
    guard size > 0 else { return [] }
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: size)
    defer { bytes.deallocate() }
    bytes.initialize(repeating: 0)
    var start = bytes.baseAddress
    try Calls.programInfo(
      handle, CL_PROGRAM_BINARIES, MemoryLayout.size(ofValue: start), &start, nil)
    return Array(bytes)
  }
}
