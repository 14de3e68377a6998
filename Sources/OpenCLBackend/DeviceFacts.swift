public import OpenCLHost

/// What kernels and their launches are chosen by, read once.
public struct DeviceFacts: Sendable, Hashable {
  /// The device's name.
  public let name: String
  /// The platform's name.
  public let platform: String
  /// The kind of processor.
  public let type: DeviceType
  /// Parallel compute units.
  public let computeUnits: Int
  /// Work-items of the largest work-group.
  public let maxWorkGroupSize: Int
  /// The same along every dimension.
  public let maxWorkItemSizes: [Int]
  /// Floats in a vector of the machine; 1 where the driver does not know.
  public let vectorWidth: Int
  /// Bytes of `__local` memory of a work-group.
  public let localMemorySize: Int
  /// Where that memory lies.
  public let localMemoryType: LocalMemoryType
  /// Bytes of the largest buffer.
  public let maxAllocationSize: Int
  /// Bytes of global memory.
  public let globalMemorySize: Int
  /// Bytes that zero-copy host memory must be aligned to.
  public let baseAlignment: Int
  /// Whether `double` works.
  public let hasDouble: Bool
  /// Whether denormal numbers are promised to be kept, not flushed to zero.
  public let keepsDenormals: Bool
  /// Whether `float` division and square root are correctly rounded if a program asks for it.
  public let dividesExactly: Bool
  /// The extensions.
  public let extensions: Set<String>
  /// What was found to be fast.
  public internal(set) var tuning: Tuning
  /// Ten times the major plus the minor compute capability of an NVIDIA GPU; `nil` of other devices.
  public let computeCapability: Int?
  /// Whether kernels take their form for processors with vectors and caches instead of that for many
  /// threads.
  ///
  /// Mesa's llvmpipe leaves the loops of a work-item after 65535 rounds in all, whatever their
  /// conditions say (`LP_MAX_TGSI_LOOP_ITERATIONS`), so it gets the kernels whose work-items do least,
  /// those for GPUs, although it runs on the processor.
  public let isCPU: Bool

  package init(
    _ device: Device, assuming assumedType: DeviceType? = nil, tuning: Tuning = Tuning()
  ) throws(OpenCLError) {
    self.tuning = tuning
    name = try device[.name]
    platform = try device.platform.name
    let itsType = try device[.type]
    type = assumedType ?? itsType
    computeUnits = max(1, try device[.computeUnits])
    maxWorkGroupSize = max(1, try device[.maxWorkGroupSize])
    maxWorkItemSizes = try device[.maxWorkItemSizes]
    vectorWidth = max(1, try device[.nativeFloatVectorWidth])
    localMemorySize = try device[.localMemorySize]
    localMemoryType = try device[.localMemoryType]
    maxAllocationSize = try device[.maxAllocationSize]
    globalMemorySize = try device[.globalMemorySize]
    baseAlignment = max(1, try device[.baseAlignment])
    hasDouble = try device[.hasDouble]
    keepsDenormals = try device[.hasDenormals]
    dividesExactly = try device[.hasCorrectlyRoundedDivideAndSquareRoot]
    extensions = try device[.extensions]
    computeCapability = try device[.computeCapability]
    isCPU = type == .cpu && !name.contains("llvmpipe")
  }
}
