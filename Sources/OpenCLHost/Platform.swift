import COpenCL

/// An OpenCL implementation. An identity, not owned.
public struct Platform: Sendable, Hashable {
  let id: cl_platform_id

  /// Every platform; empty where there is no OpenCL.
  public static func all() throws(OpenCLError) -> [Platform] {
    try Calls.platformIDs().map(Platform.init(id:))
  }

  /// The platform's devices.
  public func devices() throws(OpenCLError) -> [Device] {
    try Calls.deviceIDs(id).map { Device(id: $0) }
  }

  /// For example `Portable Computing Language`.
  public var name: String {
    get throws(OpenCLError) { try text(CL_PLATFORM_NAME) }
  }

  /// For example `OpenCL 3.0 PoCL 3.1`.
  public var version: String {
    get throws(OpenCLError) { try text(CL_PLATFORM_VERSION) }
  }

  /// Who made it.
  public var vendor: String {
    get throws(OpenCLError) { try text(CL_PLATFORM_VENDOR) }
  }

  private func text(_ key: Int32) throws(OpenCLError) -> String {
    try infoString { (size, value, returned) throws(OpenCLError) in
      try Calls.platformInfo(id, key, size, value, returned)
    }
  }
}
