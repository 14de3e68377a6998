// Every OpenCL function that the module uses, once: arguments in Swift's types, failure thrown.
import COpenCL

/// The function table. Only objects of an opened library reach it, except `platformIDs`.
private var cl: opencl_api {
  guard let library = Library.shared else {
    preconditionFailure("OpenCL was called without a library: \(Library.unavailable ?? "")")
  }
  return library.api
}

@inline(__always)
private func check(_ status: cl_int, _ function: StaticString) throws(OpenCLError) {
  if status != CL_SUCCESS { throw OpenCLError(status: status, function: function) }
}

/// Every clCreateXxx: the handle is returned, the error comes through an out parameter.
@inline(__always)
private func created<Handle>(
  _ function: StaticString, _ body: (UnsafeMutablePointer<cl_int>) -> Handle?
) throws(OpenCLError) -> Handle {
  var status: cl_int = CL_SUCCESS
  guard let handle = body(&status), status == CL_SUCCESS else {
    throw OpenCLError(status: status, function: function)
  }
  return handle
}

/// A release that fails is a bug of this module.
@inline(__always)
private func released(_ status: cl_int) {
  assert(status == CL_SUCCESS, "an OpenCL object was released twice")
}

enum Calls {
  // MARK: Platforms and devices

  static func platformIDs() throws(OpenCLError) -> [cl_platform_id] {
    guard Library.shared != nil else { return [] }
    var count: cl_uint = 0
    var ids = [cl_platform_id?](repeating: nil, count: 64)
    let status = cl.clGetPlatformIDs(cl_uint(ids.count), &ids, &count)
    if status == CL_PLATFORM_NOT_FOUND_KHR { return [] }
    try check(status, "clGetPlatformIDs")
    return ids.prefix(Int(count)).compactMap { $0 }
  }

  static func platformInfo(
    _ platform: cl_platform_id, _ key: Int32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetPlatformInfo(platform, cl_platform_info(key), size, value, sizeReturned),
      "clGetPlatformInfo")
  }

  static func deviceIDs(_ platform: cl_platform_id) throws(OpenCLError) -> [cl_device_id] {
    var count: cl_uint = 0
    var ids = [cl_device_id?](repeating: nil, count: 256)
    let status = cl.clGetDeviceIDs(
      platform, cl_device_type(CL_DEVICE_TYPE_ALL), cl_uint(ids.count), &ids, &count)
    if status == CL_DEVICE_NOT_FOUND { return [] }
    try check(status, "clGetDeviceIDs")
    return ids.prefix(Int(count)).compactMap { $0 }
  }

  static func deviceInfo(
    _ device: cl_device_id, _ key: Int32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetDeviceInfo(device, cl_device_info(key), size, value, sizeReturned),
      "clGetDeviceInfo")
  }

  // MARK: Contexts and queues

  static func createContext(_ device: cl_device_id) throws(OpenCLError) -> cl_context {
    var id: cl_device_id? = device
    return try created("clCreateContext") { cl.clCreateContext(nil, 1, &id, nil, nil, $0) }
  }

  static func release(_ context: cl_context) { released(cl.clReleaseContext(context)) }

  static func createQueue(
    _ context: cl_context, _ device: cl_device_id, profiling: Bool
  ) throws(OpenCLError) -> cl_command_queue {
    let properties = cl_command_queue_properties(profiling ? CL_QUEUE_PROFILING_ENABLE : 0)
    return try created("clCreateCommandQueue") {
      cl.clCreateCommandQueue(context, device, properties, $0)
    }
  }

  static func release(_ queue: cl_command_queue) { released(cl.clReleaseCommandQueue(queue)) }

  static func flush(_ queue: cl_command_queue) throws(OpenCLError) {
    try check(cl.clFlush(queue), "clFlush")
  }

  static func finish(_ queue: cl_command_queue) throws(OpenCLError) {
    try check(cl.clFinish(queue), "clFinish")
  }

  // MARK: Memory

  static func createBuffer(
    _ context: cl_context, flags: Int32, byteCount: Int, hostMemory: UnsafeMutableRawPointer?
  ) throws(OpenCLError) -> cl_mem {
    try created("clCreateBuffer") {
      cl.clCreateBuffer(context, cl_mem_flags(flags), byteCount, hostMemory, $0)
    }
  }

  static func release(_ memory: cl_mem) { released(cl.clReleaseMemObject(memory)) }

  /// `owner` is released when the memory object is deleted, which can be after its last handle has
  /// gone: commands that are still queued keep it.
  static func keep(_ owner: AnyObject, aliveWith memory: cl_mem) throws(OpenCLError) {
    let retained = Unmanaged.passRetained(owner)
    let status = cl.clSetMemObjectDestructorCallback(
      memory, { _, owner in if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() } },
      retained.toOpaque())
    if status != CL_SUCCESS { retained.release() }
    try check(status, "clSetMemObjectDestructorCallback")
  }

  static func read(
    _ queue: cl_command_queue, _ memory: cl_mem, offset: Int,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(OpenCLError) {
    try check(
      cl.clEnqueueReadBuffer(
        queue, memory, cl_bool(CL_TRUE), offset, bytes.count, bytes.baseAddress, 0, nil, nil),
      "clEnqueueReadBuffer")
  }

  static func write(
    _ queue: cl_command_queue, _ memory: cl_mem, offset: Int, from bytes: UnsafeRawBufferPointer
  ) throws(OpenCLError) {
    try check(
      cl.clEnqueueWriteBuffer(
        queue, memory, cl_bool(CL_TRUE), offset, bytes.count, bytes.baseAddress, 0, nil, nil),
      "clEnqueueWriteBuffer")
  }

  static func copy(
    _ queue: cl_command_queue, from source: cl_mem, sourceOffset: Int, to target: cl_mem,
    targetOffset: Int, byteCount: Int
  ) throws(OpenCLError) {
    try check(
      cl.clEnqueueCopyBuffer(
        queue, source, target, sourceOffset, targetOffset, byteCount, 0, nil, nil),
      "clEnqueueCopyBuffer")
  }

  static func fill(
    _ queue: cl_command_queue, _ memory: cl_mem, pattern: UnsafeRawBufferPointer, offset: Int,
    byteCount: Int
  ) throws(OpenCLError) {
    try check(
      cl.clEnqueueFillBuffer(
        queue, memory, pattern.baseAddress, pattern.count, offset, byteCount, 0, nil, nil),
      "clEnqueueFillBuffer")
  }

  static func map(
    _ queue: cl_command_queue, _ memory: cl_mem, flags: Int32, offset: Int, byteCount: Int
  ) throws(OpenCLError) -> UnsafeMutableRawPointer {
    try created("clEnqueueMapBuffer") {
      cl.clEnqueueMapBuffer(
        queue, memory, cl_bool(CL_TRUE), cl_map_flags(flags), offset, byteCount, 0, nil, nil, $0)
    }
  }

  static func unmap(
    _ queue: cl_command_queue, _ memory: cl_mem, _ address: UnsafeMutableRawPointer
  ) throws(OpenCLError) {
    try check(
      cl.clEnqueueUnmapMemObject(queue, memory, address, 0, nil, nil), "clEnqueueUnmapMemObject")
  }

  // MARK: Programs

  static func createProgram(
    _ context: cl_context, source: String
  ) throws(OpenCLError) -> cl_program {
    var source = source
    return try created("clCreateProgramWithSource") { status in
      source.withUTF8 { utf8 in
        utf8.withMemoryRebound(to: CChar.self) { characters in
          var text: UnsafePointer<CChar>? = characters.baseAddress
          var size = characters.count
          return cl.clCreateProgramWithSource(context, 1, &text, &size, status)
        }
      }
    }
  }

  static func createProgram(
    _ context: cl_context, _ device: cl_device_id, binary: [UInt8]
  ) throws(OpenCLError) -> cl_program {
    var id: cl_device_id? = device
    return try created("clCreateProgramWithBinary") { status in
      binary.withUnsafeBufferPointer { bytes in
        var start = bytes.baseAddress
        var size = bytes.count
        return cl.clCreateProgramWithBinary(context, 1, &id, &size, &start, nil, status)
      }
    }
  }

  static func build(
    _ program: cl_program, _ device: cl_device_id, options: String
  ) throws(OpenCLError) {
    var id: cl_device_id? = device
    try check(cl.clBuildProgram(program, 1, &id, options, nil, nil), "clBuildProgram")
  }

  static func buildInfo(
    _ program: cl_program, _ device: cl_device_id, _ key: Int32, _ size: Int,
    _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetProgramBuildInfo(
        program, device, cl_program_build_info(key), size, value, sizeReturned),
      "clGetProgramBuildInfo")
  }

  static func programInfo(
    _ program: cl_program, _ key: Int32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetProgramInfo(program, cl_program_info(key), size, value, sizeReturned),
      "clGetProgramInfo")
  }

  static func release(_ program: cl_program) { released(cl.clReleaseProgram(program)) }

  // MARK: Kernels

  static func createKernel(_ program: cl_program, _ name: String) throws(OpenCLError) -> cl_kernel {
    try created("clCreateKernel") { cl.clCreateKernel(program, name, $0) }
  }

  static func setArgument(
    _ kernel: cl_kernel, _ index: Int, size: Int, _ bytes: UnsafeRawPointer?
  ) throws(OpenCLError) {
    try check(cl.clSetKernelArg(kernel, cl_uint(index), size, bytes), "clSetKernelArg")
  }

  static func kernelInfo(
    _ kernel: cl_kernel, _ key: Int32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetKernelInfo(kernel, cl_kernel_info(key), size, value, sizeReturned),
      "clGetKernelInfo")
  }

  static func workGroupInfo(
    _ kernel: cl_kernel, _ device: cl_device_id, _ key: Int32, _ size: Int,
    _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetKernelWorkGroupInfo(
        kernel, device, cl_kernel_work_group_info(key), size, value, sizeReturned),
      "clGetKernelWorkGroupInfo")
  }

  static func release(_ kernel: cl_kernel) { released(cl.clReleaseKernel(kernel)) }

  /// The event only if `wantsEvent`: an event that nobody wants costs time on some drivers.
  static func enqueue(
    _ queue: cl_command_queue, _ kernel: cl_kernel, global: [Int], local: [Int]?, wantsEvent: Bool
  ) throws(OpenCLError) -> cl_event? {
    var event: cl_event? = nil
    let status = withUnsafeMutablePointer(to: &event) {
      cl.clEnqueueNDRangeKernel(
        queue, kernel, cl_uint(global.count), nil, global, local, 0, nil, wantsEvent ? $0 : nil)
    }
    try check(status, "clEnqueueNDRangeKernel")
    return event
  }

  // MARK: Events

  static func wait(for event: cl_event) throws(OpenCLError) {
    var event: cl_event? = event
    try check(cl.clWaitForEvents(1, &event), "clWaitForEvents")
  }

  static func eventInfo(
    _ event: cl_event, _ key: Int32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetEventInfo(event, cl_event_info(key), size, value, sizeReturned), "clGetEventInfo")
  }

  static func profilingInfo(
    _ event: cl_event, _ key: Int32, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
  ) throws(OpenCLError) {
    try check(
      cl.clGetEventProfilingInfo(event, cl_profiling_info(key), size, value, sizeReturned),
      "clGetEventProfilingInfo")
  }

  static func release(_ event: cl_event) { released(cl.clReleaseEvent(event)) }
}
