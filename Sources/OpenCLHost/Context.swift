import COpenCL
import Synchronization

/// A context of one device.
public final class Context: Sendable {
  let handle: cl_context
  /// The device.
  public let device: Device
  /// Bytes that the context's buffers may take together; `nil` for what the device has.
  public let memoryLimit: Int?

  private let bytesInUse = Mutex(0)

  /// A context of `device`.
  ///
  /// Beyond `memoryLimit` bytes, creating a buffer fails as on a device with less memory.
  public init(_ device: Device, memoryLimit: Int? = nil) throws(OpenCLError) {
    self.device = device
    self.memoryLimit = memoryLimit
    handle = try Calls.createContext(device.id)
    LiveHandles.add(\.contexts, 1)
  }

  /// Makes a buffer with `body` and counts its bytes until ``giveBack(_:)``.
  func counting<Handle>(
    _ byteCount: Int, _ body: () throws(OpenCLError) -> Handle
  ) throws(OpenCLError) -> Handle {
    let fits = bytesInUse.withLock { inUse in
      guard inUse <= (memoryLimit ?? .max) - byteCount else { return false }
      inUse += byteCount
      return true
    }
    guard fits else {
      throw OpenCLError(status: CL_MEM_OBJECT_ALLOCATION_FAILURE, function: "clCreateBuffer")
    }
    do throws(OpenCLError) {
      return try body()
    } catch {
      giveBack(byteCount)
      throw error
    }
  }

  /// Counts bytes of a buffer that is gone.
  func giveBack(_ byteCount: Int) { bytesInUse.withLock { $0 -= byteCount } }

  deinit {
    Calls.release(handle)
    LiveHandles.add(\.contexts, -1)
  }
}
