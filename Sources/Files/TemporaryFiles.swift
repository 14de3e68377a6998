import Glibc
import Synchronization

/// The temporary files that this process has not yet renamed or removed.
///
/// A temporary file is hidden, named `.TARGET.XXXXXX` beside its target, and locked while its
/// process lives. One that nobody has locked was left by a process that was killed; the next one
/// that writes the same target removes it.
enum TemporaryFiles {
  private struct Names {
    var paths: Set<String> = []
    /// Whether ``removeAll()`` was called: the process is about to end.
    var isClosed = false
  }

  /// Locked from before a file is there until its name is noted, so that none is missed.
  private static let names = Mutex(Names())

  /// Creates a file in `folder` for a target of this name, after removing what killed processes
  /// left; `nil`, with the reason in `errno`, where none can be created.
  static func create(in folder: String, for name: String) -> (path: String, descriptor: Int32)? {
    removeLeftovers(in: folder, of: name)
    return names.withLock { names in
      guard !names.isClosed else {
        errno = ECANCELED
        return nil
      }
      guard let file = createLocked(in: folder, for: name) else { return nil }
      names.paths.insert(file.path)
      return file
    }
  }

  /// Creates a file and locks it.
  private static func createLocked(
    in folder: String, for name: String
  ) -> (path: String, descriptor: Int32)? {
    while true {
      var template = Array("\(folder)/.\(name).XXXXXX".utf8CString)
      let descriptor = template.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
      guard descriptor >= 0 else { return nil }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      // Where the file system has no locks, leftovers stay, because nobody gets one.
      while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
      // Before it was locked, another process could take it for a leftover.
      if isStillNamed(path, descriptor) { return (path, descriptor) }
      close(descriptor)
    }
  }

  /// The file has its final name.
  static func forget(_ path: String) {
    names.withLock { _ = $0.paths.remove(path) }
  }

  static func remove(_ path: String) {
    names.withLock { if $0.paths.remove(path) != nil { unlink(path) } }
  }

  /// Removes all files of now; none can be created afterwards.
  static func removeAll() {
    names.withLock { names in
      for path in names.paths { unlink(path) }
      names = Names(isClosed: true)
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
