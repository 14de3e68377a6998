public import OpenCLHost
public import Operations
import Synchronization
public import Tensors

/// Operations on an OpenCL device, through one in-order queue.
///
/// Results equal those of the reference. An operation without a kernel runs on the reference;
/// ``hostOperations`` counts these. A failure of the device is a ``DeviceError``.
///
/// An operation `X` lives in `OpenCLBackend+X.swift` and in `Kernels/x/*.cl`; it is written with
/// `makeValue(_:_:operation:)` for its result and
/// `launch(_:global:local:_:operation:)` for its kernels. Nobody stores a kernel in a field.
public final class OpenCLBackend: HostFallback {
  /// The device.
  public let device: Device
  /// What is known about it.
  public let facts: DeviceFacts

  let context: Context
  let queue: Queue
  let kernels: KernelPool
  let pool: MemoryPool
  let constantMemory = ConstantMemory()
  let integerTierChoice: IntegerTierChoice
  private let hostCounts = Mutex<[String: Int]>([:])
  private let downloads = Mutex(0)

  /// A backend on `device`; compiled kernels are kept in `cache`.
  ///
  /// Buffers take at most `memoryLimit` bytes together, where one is given. `assumedType` replaces the
  /// device's own: tests run the forms of kernels for GPUs on CPU drivers. `integerTier` replaces what
  /// the device is found to have; instructions that it lacks end the process. `tuning` is what
  /// `qtool bench --tune` found for the device; results do not depend on it.
  public init(
    _ device: Device, cache: BinaryCache? = .standard, profiling: Bool = false,
    assuming assumedType: DeviceType? = nil, memoryLimit: Int? = nil,
    integerTier: IntegerTier.Kind? = nil, tuning: Tuning = Tuning()
  ) throws {
    self.device = device
    integerTierChoice = IntegerTierChoice(assuming: integerTier)
    do throws(OpenCLError) {
      facts = try DeviceFacts(device, assuming: assumedType, tuning: tuning)
      context = try Context(device, memoryLimit: memoryLimit)
      queue = try Queue(context, profiling: profiling)
    } catch {
      let name = (try? device[.name]) ?? "OpenCL device"
      throw DeviceError(device: name, operation: "opening the device", cause: error)
    }
    kernels = KernelPool(context, facts, cache: cache)
    pool = MemoryPool(
      queue, usesHostMemory: facts.isCPU, idleLimit: max(1 << 28, facts.globalMemorySize / 8))
  }

  /// The device's name.
  public var name: String { facts.name }

  /// A tensor on the device. Elements are never written twice, so values share memory freely.
  public struct Value: BackendValue {
    /// What the elements are.
    public let elementType: ElementType
    /// The extent of every dimension.
    public let shape: [Int]
    /// Where the elements lie, in row-major order from the first byte on.
    package let memory: DeviceMemory

    package init(elementType: ElementType, shape: [Int], memory: DeviceMemory) {
      self.elementType = elementType
      self.shape = shape
      self.memory = memory
    }

    /// Bytes of the elements; the memory can be larger.
    public var byteCount: Int { count * elementType.byteCount }
  }

  // MARK: The reference's share

  /// How often the reference ran which operation because the device has no kernel for it.
  public var hostOperations: [String: Int] { hostCounts.withLock { $0 } }

  /// How many values were brought back to the host.
  package var downloadCount: Int { downloads.withLock { $0 } }

  /// Counts a download.
  func noteDownload() { downloads.withLock { $0 += 1 } }

  /// Counts an operation of the reference.
  public func noteHostOperation(_ name: StaticString) {
    hostCounts.withLock { $0[String(describing: name), default: 0] += 1 }
  }

  // MARK: Errors

  /// Runs `body`; a failure becomes an error that names the device and the operation.
  func onDevice<Result>(
    _ operation: @autoclosure () -> String, _ body: () throws(OpenCLError) -> Result
  ) throws(DeviceError) -> Result {
    do throws(OpenCLError) {
      return try body()
    } catch {
      throw DeviceError(device: facts.name, operation: operation(), cause: error)
    }
  }
}

extension OpenCLBackend.Value: KernelArgument {
  /// The buffer.
  public func withArgument<Result>(_ body: (Int, UnsafeRawPointer?) -> Result) -> Result {
    memory.withArgument(body)
  }
}
