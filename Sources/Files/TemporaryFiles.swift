import Glibc
import Synchronization

/// The temporary files that this process has not yet renamed or removed.
enum TemporaryFiles {
  private static let names = Mutex<Set<String>>([])

  static func add(_ path: String) {
    names.withLock { _ = $0.insert(path) }
  }

  /// The file has its final name.
  static func forget(_ path: String) {
    names.withLock { _ = $0.remove(path) }
  }

  static func remove(_ path: String) {
    names.withLock { if $0.remove(path) != nil { unlink(path) } }
  }

  static func removeAll() {
    names.withLock { paths in
      for path in paths { unlink(path) }
      paths.removeAll()
    }
  }
}
