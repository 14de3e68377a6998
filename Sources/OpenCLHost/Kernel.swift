import COpenCL

/// A kernel with its arguments.
///
/// Neither copyable nor Sendable: `clSetKernelArg` is OpenCL's one call that is not thread-safe, so
/// every thread makes a kernel of its own.
public struct Kernel: ~Copyable {
  let handle: cl_kernel
  let program: Program
  /// The number of arguments that it takes.
  public let argumentCount: Int

  /// The kernel `name` of `program`.
  public init(_ program: Program, _ name: String) throws(OpenCLError) {
    (handle, argumentCount) = try Kernel.create(program, name)
    self.program = program
    LiveHandles.add(\.kernels, 1)
  }

  private static func create(
    _ program: Program, _ name: String
  ) throws(OpenCLError) -> (cl_kernel, Int) {
    let handle = try Calls.createKernel(program.handle, name)
    do throws(OpenCLError) {
      let count = try info(cl_uint.self) { (size, value, returned) throws(OpenCLError) in
        try Calls.kernelInfo(handle, CL_KERNEL_NUM_ARGS, size, value, returned)
      }
      return (handle, Int(count))
    } catch {
      Calls.release(handle)
      throw error
    }
  }

  deinit {
    Calls.release(handle)
    LiveHandles.add(\.kernels, -1)
  }

  /// Enqueues the kernel over `global` work-items in groups of `local`, or of the driver's choice.
  ///
  /// - Precondition: as many arguments as the kernel takes; `global` is a multiple of `local`.
  public borrowing func run<each Argument: KernelArgument>(
    on queue: Queue, global: [Int], local: [Int]? = nil, _ arguments: repeat each Argument
  ) throws(OpenCLError) {
    try set(repeat each arguments)
    _ = try Calls.enqueue(queue.handle, handle, global: global, local: local, wantsEvent: false)
  }

  /// As ``run(on:global:local:_:)``, and returns the event of the launch.
  public borrowing func event<each Argument: KernelArgument>(
    on queue: Queue, global: [Int], local: [Int]? = nil, _ arguments: repeat each Argument
  ) throws(OpenCLError) -> Event {
    try set(repeat each arguments)
    let event = try Calls.enqueue(
      queue.handle, handle, global: global, local: local, wantsEvent: true)
    guard let event else {
      throw OpenCLError(status: CL_INVALID_EVENT, function: "clEnqueueNDRangeKernel")
    }
    return Event(adopting: event)
  }

  private borrowing func set<each Argument: KernelArgument>(
    _ arguments: repeat each Argument
  ) throws(OpenCLError) {
    var index = 0
    for argument in repeat each arguments {
      let result = argument.withArgument { size, bytes in
        Result { () throws(OpenCLError) in
          try Calls.setArgument(handle, index, size: size, bytes)
        }
      }
      try result.get()
      index += 1
    }
    precondition(
      index == argumentCount, "a kernel of \(argumentCount) arguments was given \(index)")
  }

  /// Work-items of the largest work-group that this kernel can run in.
  public var maxWorkGroupSize: Int {
    get throws(OpenCLError) {
      let (handle, device) = (handle, program.context.device.id)
      return try info(Int.self) { (size, value, returned) throws(OpenCLError) in
        try Calls.workGroupInfo(
          handle, device, CL_KERNEL_WORK_GROUP_SIZE, size, value, returned)
      }
    }
  }
}

@available(*, unavailable) extension Kernel: Sendable {}
