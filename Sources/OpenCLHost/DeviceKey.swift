import COpenCL

/// The name and the type of a device's property.
public struct DeviceKey<Value: Sendable>: Sendable {
  let read: @Sendable (Device) throws(OpenCLError) -> Value

  init(_ read: @escaping @Sendable (Device) throws(OpenCLError) -> Value) { self.read = read }
}

private func number<Value: BitwiseCopyable>(
  _ device: Device, _ key: Int32, as type: Value.Type
) throws(OpenCLError) -> Value {
  try info(type) { (size, value, returned) throws(OpenCLError) in
    try Calls.deviceInfo(device.id, key, size, value, returned)
  }
}

extension DeviceKey where Value == String {
  /// The device's name.
  public static var name: Self { text(CL_DEVICE_NAME) }
  /// Who made it.
  public static var vendor: Self { text(CL_DEVICE_VENDOR) }
  /// The version of OpenCL that it implements, for example `OpenCL 3.0 PoCL`.
  public static var version: Self { text(CL_DEVICE_VERSION) }
  /// The version of its driver.
  public static var driverVersion: Self { text(CL_DRIVER_VERSION) }
  /// The version of OpenCL C that its compiler understands without options.
  public static var openCLCVersion: Self { text(CL_DEVICE_OPENCL_C_VERSION) }
  /// `FULL_PROFILE` or `EMBEDDED_PROFILE`.
  public static var profile: Self { text(CL_DEVICE_PROFILE) }

  private static func text(_ key: Int32) -> Self {
    Self { (device) throws(OpenCLError) in
      try infoString { (size, value, returned) throws(OpenCLError) in
        try Calls.deviceInfo(device.id, key, size, value, returned)
      }
    }
  }
}

extension DeviceKey where Value == Int {
  /// Parallel compute units.
  public static var computeUnits: Self { int32(CL_DEVICE_MAX_COMPUTE_UNITS) }
  /// Clock in MHz; 0 where the driver does not know.
  public static var clockFrequency: Self { int32(CL_DEVICE_MAX_CLOCK_FREQUENCY) }
  /// Floats in a vector of the machine's instructions.
  public static var nativeFloatVectorWidth: Self { int32(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT) }
  /// Bytes of `__local` memory a work-group can have.
  public static var localMemorySize: Self { int64(CL_DEVICE_LOCAL_MEM_SIZE) }
  /// Bytes of global memory.
  public static var globalMemorySize: Self { int64(CL_DEVICE_GLOBAL_MEM_SIZE) }
  /// Bytes of the largest buffer.
  public static var maxAllocationSize: Self { int64(CL_DEVICE_MAX_MEM_ALLOC_SIZE) }
  /// Work-items of the largest work-group.
  public static var maxWorkGroupSize: Self {
    Self { (device) throws(OpenCLError) in
      try number(device, CL_DEVICE_MAX_WORK_GROUP_SIZE, as: Int.self)
    }
  }
  /// Alignment in bytes that sub-buffers and zero-copy host memory need.
  public static var baseAlignment: Self {
    Self { (device) throws(OpenCLError) in
      Int(try number(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, as: UInt32.self)) / 8
    }
  }

  private static func int32(_ key: Int32) -> Self {
    Self { (device) throws(OpenCLError) in Int(try number(device, key, as: UInt32.self)) }
  }

  private static func int64(_ key: Int32) -> Self {
    Self { (device) throws(OpenCLError) in
      Int(clamping: try number(device, key, as: UInt64.self))
    }
  }
}

extension DeviceKey where Value == Int? {
  /// Ten times the major plus the minor compute capability of an NVIDIA GPU; `nil` of other devices.
  public static var computeCapability: Self {
    Self { (device) throws(OpenCLError) in
      guard try device[.extensions].contains("cl_nv_device_attribute_query") else { return nil }
      // CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV and MINOR_NV
      let major = try number(device, 0x4000, as: UInt32.self)
      return Int(try 10 * major + number(device, 0x4001, as: UInt32.self))
    }
  }
}

extension DeviceKey where Value == [Int] {
  /// The largest number of work-items of a work-group along every dimension.
  public static var maxWorkItemSizes: Self {
    Self { (device) throws(OpenCLError) in
      try infoArray(Int.self) { (size, value, returned) throws(OpenCLError) in
        try Calls.deviceInfo(device.id, CL_DEVICE_MAX_WORK_ITEM_SIZES, size, value, returned)
      }
    }
  }
}

extension DeviceKey where Value == Set<String> {
  /// The names of the extensions.
  public static var extensions: Self {
    Self { (device) throws(OpenCLError) in
      let names = try infoString { (size, value, returned) throws(OpenCLError) in
        try Calls.deviceInfo(device.id, CL_DEVICE_EXTENSIONS, size, value, returned)
      }
      return Set(names.split(separator: " ").map(String.init))
    }
  }
}

extension DeviceKey where Value == Bool {
  /// Whether the device shares the host's memory.
  public static var hostUnifiedMemory: Self { boolean(CL_DEVICE_HOST_UNIFIED_MEMORY) }
  /// Whether it works at the moment.
  public static var isAvailable: Self { boolean(CL_DEVICE_AVAILABLE) }
  /// Whether its driver has a compiler.
  public static var hasCompiler: Self { boolean(CL_DEVICE_COMPILER_AVAILABLE) }
  /// Whether `double` works.
  public static var hasDouble: Self {
    Self { (device) throws(OpenCLError) in
      let bits = try number(device, CL_DEVICE_DOUBLE_FP_CONFIG, as: cl_device_fp_config.self)
      return bits != 0
    }
  }
  /// Whether `float` division and square root can be correctly rounded by a build option.
  public static var hasCorrectlyRoundedDivideAndSquareRoot: Self {
    single(CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT)
  }
  /// Whether the driver promises `float` denormals.
  public static var hasDenormals: Self { single(CL_FP_DENORM) }
  /// Whether `float` operations round to nearest, half to even; false on embedded profiles that
  /// only truncate.
  public static var roundsToNearest: Self { single(CL_FP_ROUND_TO_NEAREST) }
  /// Whether `float` fma is promised to be correctly rounded in hardware.
  public static var hasFusedMultiplyAdd: Self { single(CL_FP_FMA) }
  /// Whether the bytes of a number are stored lowest first.
  public static var isLittleEndian: Self { boolean(CL_DEVICE_ENDIAN_LITTLE) }

  private static func boolean(_ key: Int32) -> Self {
    Self { (device) throws(OpenCLError) in try number(device, key, as: cl_bool.self) != 0 }
  }

  private static func single(_ bit: Int32) -> Self {
    Self { (device) throws(OpenCLError) in
      let bits = try number(device, CL_DEVICE_SINGLE_FP_CONFIG, as: cl_device_fp_config.self)
      return bits & cl_device_fp_config(bit) != 0
    }
  }
}

extension DeviceKey where Value == DeviceType {
  /// The kind of processor.
  public static var type: Self {
    Self { (device) throws(OpenCLError) in
      let bits = try number(device, CL_DEVICE_TYPE, as: cl_device_type.self)
      if bits & cl_device_type(CL_DEVICE_TYPE_GPU) != 0 { return .gpu }
      if bits & cl_device_type(CL_DEVICE_TYPE_CPU) != 0 { return .cpu }
      if bits & cl_device_type(CL_DEVICE_TYPE_ACCELERATOR) != 0 { return .accelerator }
      return .other
    }
  }
}

extension DeviceKey where Value == LocalMemoryType {
  /// Where `__local` memory lies.
  public static var localMemoryType: Self {
    Self { (device) throws(OpenCLError) in
      switch try number(device, CL_DEVICE_LOCAL_MEM_TYPE, as: cl_device_local_mem_type.self) {
      case cl_device_local_mem_type(CL_LOCAL): .dedicated
      case cl_device_local_mem_type(CL_GLOBAL): .global
      default: .none
      }
    }
  }
}
