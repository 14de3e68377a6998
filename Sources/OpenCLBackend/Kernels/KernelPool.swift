import OpenCLHost
import Synchronization

/// The programs and kernels of a backend, made at first use.
///
/// A kernel's arguments are state that two threads may not share, so a thread takes a kernel out of
/// the pool for one launch and puts it back; a second thread that wants the same kernel meanwhile
/// gets another one.
final class KernelPool: Sendable {
  private let context: Context
  private let cache: BinaryCache?
  private let definitions: [String]
  private let options: String
  private let programs = Mutex<[DeviceKernel.ProgramKey: Program]>([:])
  private let idle = Mutex<[DeviceKernel: [PooledKernel]]>([:])

  init(_ context: Context, _ facts: DeviceFacts, cache: BinaryCache?) {
    self.context = context
    self.cache = cache
    // Exact division lets prelude/divide.cl use `/`; elsewhere it corrects what the device gives.
    definitions =
      [facts.isCPU ? "CPU" : "GPU"] + (facts.dividesExactly ? ["LB_EXACT_DIVISION"] : [])
    options = facts.dividesExactly ? "-cl-fp32-correctly-rounded-divide-sqrt" : ""
  }

  /// Calls `body` with a kernel that no other thread has.
  func withKernel<Result>(
    _ name: DeviceKernel, _ body: (borrowing Kernel) throws(OpenCLError) -> Result
  ) throws(OpenCLError) -> Result {
    let pooled: PooledKernel
    if let waiting = idle.withLock({ $0[name]?.popLast() }) {
      pooled = waiting
    } else {
      pooled = try makeKernel(name)
    }
    defer { idle.withLock { $0[name, default: []].append(pooled) } }
    return try body(pooled.kernel)
  }

  private func makeKernel(_ name: DeviceKernel) throws(OpenCLError) -> PooledKernel {
    PooledKernel(try Kernel(program(name.programKey), name.function))
  }

  /// Two threads that need the same program at once may both build it; one of the two is dropped.
  private func program(_ key: DeviceKernel.ProgramKey) throws(OpenCLError) -> Program {
    if let program = programs.withLock({ $0[key] }) { return program }
    let source = KernelText.program(
      key.files, definitions: definitions + key.definitions)
    KernelText.keep(source)
    let options = [options, key.options].filter { !$0.isEmpty }.joined(separator: " ")
    let program =
      if let cache {
        try cache.program(context, source: source, options: options)
      } else {
        try Program(context, source: source, options: options)
      }
    programs.withLock { $0[key] = program }
    return program
  }
}

/// A kernel in a box that a dictionary can hold.
///
/// `@unchecked Sendable` because the pool hands it to one thread at a time.
private final class PooledKernel: @unchecked Sendable {
  let kernel: Kernel
  init(_ kernel: consuming Kernel) { self.kernel = kernel }
}
