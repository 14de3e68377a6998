import Glibc
import Synchronization

/// What tensors the machine can hold, and what happens when it has no memory left for one.
public enum HostMemory {
  private static let handler = Mutex<(@Sendable (_ byteCount: Int) -> Never)?>(nil)

  /// Calls `body` in place of trapping when memory for a tensor is refused; it ends the process.
  ///
  /// Memory is refused deep inside of computations that no caller could continue, so it is no error
  /// that is thrown; a program can say what happened in its own way and clean up.
  public static func whenExhausted(_ body: @escaping @Sendable (_ byteCount: Int) -> Never) {
    handler.withLock { $0 = body }
  }

  static func exhausted(byteCount: Int) -> Never {
    if let body = handler.withLock({ $0 }) { body(byteCount) }
    fatalError("out of memory: \(byteCount) bytes for a tensor")
  }

  /// More elements than this no tensor may have: as many as fill half of the machine's memory with
  /// float32, because whatever is computed of a tensor takes memory beside it.
  package static let elementLimit: Int = {
    let bytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    return bytes > 0 ? bytes / 8 : 1 << 31
  }()

  /// The number of elements of a tensor of `shape`, or `nil` when it would not fit the machine.
  package static func elementCount(of shape: [Int]) -> Int? {
    if shape.contains(0) { return 0 }
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow || product > elementLimit { return nil }
      count = product
    }
    return count
  }
}
