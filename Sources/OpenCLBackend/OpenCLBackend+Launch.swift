package import OpenCLHost

extension OpenCLBackend {
  /// Enqueues a kernel and returns; the in-order queue runs it after everything enqueued before.
  ///
  /// ```swift
  /// let y = try makeValue(.float32, x.shape)
  /// let kernel = DeviceKernel("elementwise/map.cl", "map", ["FUNCTION=RELU"])
  /// try launch(kernel, global: [x.count], local: workGroup([256]), x, y, UInt32(x.count))
  /// ```
  ///
  /// - `global`: work-items along up to three dimensions; nothing is launched if one is 0. Where
  ///   `local` is given, every extent is rounded up to its multiple, so the kernel must test its
  ///   index.
  /// - `local`: the work-group, which must be within the device's limits: pass it through
  ///   ``workGroup(_:localBytes:)``. `nil` lets the driver choose; on a CPU device a kernel whose
  ///   items are long loops should say `[1]` (and `reqd_work_group_size(1, 1, 1)`), because a driver
  ///   may otherwise put all of them into one group, which runs on one core.
  /// - `arguments`: values, memory, buffers, and numbers of exactly the kernel's types: `int` is
  ///   `Int32`, `ulong` is `UInt64`. Pass no `size_t` and no `bool`.
  /// - `operation`: what an error names; by default the calling function.
  package func launch<each Argument: KernelArgument>(
    _ kernel: DeviceKernel, global: [Int], local: [Int]? = nil,
    _ arguments: repeat each Argument, operation: StaticString = #function
  ) throws(DeviceError) {
    guard !global.contains(0) else { return }
    let rounded = roundedUp(global, to: local)
    try onDevice("\(operation), kernel \(kernel.file):\(kernel.function)") {
      () throws(OpenCLError) in
      try kernels.withKernel(kernel) { (function) throws(OpenCLError) in
        try function.run(on: queue, global: rounded, local: local, repeat each arguments)
      }
    }
  }

  /// As ``launch(_:global:local:_:operation:)``, waits, and returns the nanoseconds that the kernel
  /// ran.
  ///
  /// - Precondition: the backend was made with profiling.
  package func time<each Argument: KernelArgument>(
    _ kernel: DeviceKernel, global: [Int], local: [Int]? = nil,
    _ arguments: repeat each Argument, operation: StaticString = #function
  ) throws(DeviceError) -> UInt64 {
    let rounded = roundedUp(global, to: local)
    return try onDevice("\(operation), kernel \(kernel.file):\(kernel.function)") {
      () throws(OpenCLError) in
      try kernels.withKernel(kernel) { (function) throws(OpenCLError) in
        try function.event(on: queue, global: rounded, local: local, repeat each arguments)
          .nanoseconds()
      }
    }
  }

  /// A work-group of at most `wish`, within the device's limits: extents are halved, the largest
  /// first, until the group fits.
  ///
  /// `localBytes` is the local memory that one work-item needs.
  package func workGroup(_ wish: [Int], localBytes: Int = 0) -> [Int] {
    var group = wish
    for axis in group.indices where axis < facts.maxWorkItemSizes.count {
      while group[axis] > facts.maxWorkItemSizes[axis] { group[axis] = max(1, group[axis] / 2) }
    }
    func isTooLarge(_ items: Int) -> Bool {
      items > facts.maxWorkGroupSize || items * localBytes > facts.localMemorySize
    }
    while isTooLarge(group.reduce(1, *)), let largest = group.max(), largest > 1,
      let axis = group.firstIndex(of: largest)
    {
      group[axis] = largest / 2
    }
    return group
  }

  /// Waits for everything that was enqueued; throws what went wrong meanwhile.
  public func finish() throws {
    try onDevice("finish") { () throws(OpenCLError) in try queue.finish() }
  }

  private func roundedUp(_ global: [Int], to local: [Int]?) -> [Int] {
    guard let local else { return global }
    precondition(global.count == local.count, "global \(global) and local \(local) differ in rank")
    return zip(global, local).map { ($0 + $1 - 1) / $1 * $1 }
  }
}

extension OpenCLBackend {
  /// Launches a kernel written with `FOR_EACH_ITEM` or `FOR_EACH_RUN` of `Kernels/prelude` over
  /// `count` elements.
  package func launchItems<each Argument: KernelArgument>(
    _ kernel: DeviceKernel, count: Int, _ arguments: repeat each Argument,
    operation: StaticString = #function
  ) throws(DeviceError) {
    let itemsPerWorkItem = facts.isCPU ? 8192 : 1
    try launch(
      kernel, global: [(count + itemsPerWorkItem - 1) / itemsPerWorkItem],
      local: facts.isCPU ? [1] : workGroup([256]), repeat each arguments, operation: operation)
  }
}
