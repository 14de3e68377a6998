import Glibc
import Synchronization

/// The temporary files that this process has not yet renamed or removed.
///
/// A temporary file is hidden, named `.TARGET.XXXXXX` beside its target, and locked while its
/// process lives. One that nobody has locked was left by a process that was killed; the next one
/// that writes the same target removes it.
enum TemporaryFiles {
  private static let names = Mutex<Set<String>>([])

  /// Creates a file in `folder` for a target of this name, after removing what killed processes
  /// left; `nil`, with the reason in `errno`, where none can be created.
  static func create(in folder: String, for name: String) -> (path: String, descriptor: Int32)? {
    removeLeftovers(in: folder, of: name)
    while true {
      var template = Array("\(folder)/.\(name).XXXXXX".utf8CString)
      let descriptor = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
      guard descriptor >= 0 else { return nil }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      // Where the file system has no locks, leftovers stay, because nobody gets one.
      while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
      // Before it was locked, another process could take it for a leftover.
      if isStillNamed(path, descriptor) {
        names.withLock { _ = $0.insert(path) }
        return (path, descriptor)
      }
      close(descriptor)
    }
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

  private static func isStillNamed(_ path: String, _ descriptor: Int32) -> Bool {
    var named = stat()
    var own = stat()
    return lstat(path, &named) == 0 && fstat(descriptor, &own) == 0
      && named.st_ino == own.st_ino && named.st_dev == own.st_dev
  }

  private static func removeLeftovers(in folder: String, of name: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    let prefix = ".\(name)."
    while let entry = readdir(directory) {
      let found = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard found.hasPrefix(prefix), found.utf8.count == prefix.utf8.count + 6 else { continue }
      removeUnlocked("\(folder)/\(found)")
    }
  }

  private static func removeUnlocked(_ path: String) {
    let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
  }
}
