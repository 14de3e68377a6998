import COpenCL

/// A device of a platform. An identity, not owned.
public struct Device: Sendable, Hashable {
  let id: cl_device_id

  /// Every device of every platform, in the loader's order; empty where there is no OpenCL.
  public static func all() throws(OpenCLError) -> [Device] {
    var devices: [Device] = []
    for platform in try Platform.all() { devices += try platform.devices() }
    return devices
  }

  /// The platform that the device belongs to.
  public var platform: Platform {
    get throws(OpenCLError) {
      Platform(
        id: try info(cl_platform_id.self) { (size, value, returned) throws(OpenCLError) in
          try Calls.deviceInfo(id, CL_DEVICE_PLATFORM, size, value, returned)
        })
    }
  }

  /// A property of the device, for example `try device[.localMemorySize]`.
  public subscript<Value>(_ key: DeviceKey<Value>) -> Value {
    get throws(OpenCLError) { try key.read(self) }
  }
}

/// What kind of processor a device is.
public enum DeviceType: String, Sendable {
  case cpu, gpu, accelerator, other
}

/// Where a device's `__local` memory lies.
public enum LocalMemoryType: Sendable {
  /// Memory of its own, near the compute unit.
  case dedicated
  /// A part of global memory, as on CPU devices: copying to it gains nothing.
  case global
  /// The device has none.
  case none
}
