import COpenCL

/// A context of one device.
public final class Context: Sendable {
  let handle: cl_context
  /// The device.
  public let device: Device

  /// A context of `device`.
  public init(_ device: Device) throws(OpenCLError) {
    self.device = device
    handle = try Calls.createContext(device.id)
    LiveHandles.add(\.contexts, 1)
  }

  deinit {
    Calls.release(handle)
    LiveHandles.add(\.contexts, -1)
  }
}
