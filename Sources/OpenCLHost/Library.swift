import COpenCL
import Glibc

/// The OpenCL library, opened at first use and never closed.
///
/// Nothing is linked: a program starts on a machine that has no OpenCL at all, and
/// ``unavailable`` then says why. The library is `libOpenCL.so.1`, or what the environment variable
/// `OPENCL_LIBRARY` names.
public final class Library: Sendable {
  /// The file that was opened.
  public let path: String
  let api: opencl_api

  private init(path: String, api: opencl_api) {
    self.path = path
    self.api = api
  }

  private static let opened: Result<Library, Unavailable> = {
    var reason = "no libOpenCL"
    let named = getenv("OPENCL_LIBRARY").map { [String(cString: $0)] }
    for path in named ?? ["libOpenCL.so.1", "libOpenCL.so"] {
      let api = UnsafeMutablePointer<opencl_api>.allocate(capacity: 1)
      defer { api.deallocate() }
      var error: UnsafePointer<CChar>? = nil
      if opencl_load(api, path, &error) == 0 {
        return .success(Library(path: path, api: api.pointee))
      }
      if let error { reason = String(cString: error) }
    }
    return .failure(Unavailable(reason: reason))
  }()

  /// The opened library; `nil` on a machine without one.
  public static var shared: Library? {
    switch opened {
    case .success(let library): library
    case .failure: nil
    }
  }

  /// Why there is no library; `nil` where there is one.
  public static var unavailable: String? {
    switch opened {
    case .success: nil
    case .failure(let error): error.reason
    }
  }

  private struct Unavailable: Error { let reason: String }
}
