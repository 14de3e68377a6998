public import OpenCLHost

/// An operation that a device could not do: it ran out of memory, was lost, or its compiler failed.
///
/// What was computed so far on the device is gone; a caller can start the job again on the
/// reference.
public struct DeviceError: Error, Sendable, CustomStringConvertible {
  /// The device's name.
  public let device: String
  /// The backend's operation and, where one was launched, the kernel.
  public let operation: String
  /// What OpenCL said.
  public let cause: OpenCLError

  /// For example `PoCL: convolve(_:weights:bias:_:): clCreateBuffer failed: CL_OUT_OF_RESOURCES`.
  public var description: String { "\(device): \(operation): \(cause)" }
}
