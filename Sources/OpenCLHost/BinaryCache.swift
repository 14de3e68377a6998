import Checksums
import Glibc

/// Compiled programs on disk, so that a second run does not compile again.
///
/// An entry's name is the SHA-256 of the source, the options, the device's name, the driver's version
/// and the platform's version; the entry holds the driver's binary after a header with the binary's
/// own SHA-256. Entries are written to a temporary name and renamed, and an entry is locked while its
/// program is built, so several processes can share a folder; a damaged entry, or one that the driver
/// refuses, is built again and replaced. A folder that cannot be written only costs time.
public struct BinaryCache: Sendable {
  /// Where the entries lie.
  public let folder: String

  /// A cache in `folder`, which is made when it is first needed.
  public init(folder: String) { self.folder = folder }

  /// `$LOWBIT_CACHE/programs`, else `$XDG_CACHE_HOME/lowbit/programs`, else
  /// `~/.cache/lowbit/programs`; `nil` if none of the variables is set.
  public static var standard: BinaryCache? {
    standardRoot.map { BinaryCache(folder: $0 + "/programs") }
  }

  /// The folder of everything that is kept between runs: `$LOWBIT_CACHE`, else
  /// `$XDG_CACHE_HOME/lowbit`, else `~/.cache/lowbit`; `nil` if none of the variables is set.
  public static var standardRoot: String? {
    func value(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    return value("LOWBIT_CACHE") ?? value("XDG_CACHE_HOME").map { $0 + "/lowbit" }
      ?? value("HOME").map { $0 + "/.cache/lowbit" }
  }

  /// The program built from `source`, out of the cache where it has it.
  public func program(
    _ context: Context, source: String, options: String = ""
  ) throws(OpenCLError) -> Program {
    let key = try key(context.device, source, options)
    let path = "\(folder)/\(key).clbin"
    let lock = lock(key)
    defer { if lock >= 0 { close(lock) } }
    if let binary = read(path) {
      if let program = try? Program(context, binary: binary, options: options) { return program }
      unlink(path)
    }
    let program = try Program(context, source: source, options: options)
    // A driver without binaries, or with empty ones, is built from source every time.
    guard let binary = try? program.binary(), !binary.isEmpty else { return program }
    write(binary, to: path)
    // PoCL generates code for the binary, and would again at the first launch from the source.
    return (try? Program(context, binary: binary, options: options)) ?? program
  }

  /// The name of an entry, without its suffix.
  func key(
    _ device: Device, _ source: String, _ options: String
  ) throws(OpenCLError) -> String {
    key(try Compiler(of: device), source, options)
  }

  /// What turns source into a binary: the binary of another one may not run, or run differently.
  struct Compiler {
    var device: String
    var driverVersion: String
    var deviceVersion: String
    var platformVersion: String
  }

  /// The name of an entry, without its suffix.
  func key(_ compiler: Compiler, _ source: String, _ options: String) -> String {
    var hash = SHA256()
    for part in [
      source, options, compiler.device, compiler.driverVersion, compiler.deviceVersion,
      compiler.platformVersion,
    ] {
      hash.update("\(part.utf8.count):")  // so that no two lists of parts read the same
      hash.update(part)
    }
    return SHA256.hexadecimal(hash.finalize())
  }

  // MARK: Entries: "LBPROG1\n", 32 bytes of SHA-256, the binary

  private static let magic = Array("LBPROG1\n".utf8)

  func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size < 1 << 30 else { return nil }
    let size = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = Glibc.read(file, buffer.baseAddress! + count, size - count)
        guard got > 0 else { return }
        count += got
      }
    }
    let header = Self.magic.count + 32
    guard bytes.count > header, bytes.starts(with: Self.magic) else { return nil }
    let binary = Array(bytes[header...])
    guard SHA256.digest(of: binary).elementsEqual(bytes[Self.magic.count..<header]) else {
      return nil
    }
    return binary
  }

  func write(_ binary: [UInt8], to path: String) {
    guard makeFolder() else { return }
    removeLeftovers(of: path)
    var name = Array((path + ".XXXXXX").utf8CString)
    let file = mkstemp(&name)
    guard file >= 0 else { return }
    let entry = Self.magic + SHA256.digest(of: binary) + binary
    let isWritten = entry.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(file, bytes.baseAddress! + done, bytes.count - done)
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
    let isClosed = close(file) == 0
    if !isWritten || !isClosed || rename(name, path) != 0 { unlink(name) }
  }

  /// Waits until no other process builds the program `key`, so that it is built once; a descriptor that
  /// ends the lock when it is closed, or -1 where there is no folder for it.
  ///
  /// Without it, PoCL 3 can abort: processes that load one binary unpack it into one folder of
  /// PoCL's own cache, and one reads what another has not yet written. The first two digits of the
  /// keys share a file, which stays.
  private func lock(_ key: String) -> Int32 {
    guard makeFolder() else { return -1 }
    let descriptor = open("\(folder)/\(key.prefix(2)).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return -1 }
    while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    return descriptor
  }

  /// Removes temporary files of this entry that a killed process left. Taking the file of a process
  /// that lives would only cost its entry; ten minutes are more than any write takes.
  private func removeLeftovers(of path: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    let prefix = path.split(separator: "/").last.map { "\($0)." } ?? ""
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasPrefix(prefix) else { continue }
      var status = stat()
      if stat("\(folder)/\(name)", &status) == 0, time(nil) - status.st_mtim.tv_sec > 600 {
        unlink("\(folder)/\(name)")
      }
    }
  }

  /// Only for the user's own eyes: what is in here is executed.
  private func makeFolder() -> Bool {
    if access(folder, W_OK) == 0 { return true }
    var path = ""
    for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
      path += part
      if !path.isEmpty { mkdir(path, 0o700) }
      path += "/"
    }
    return access(folder, W_OK) == 0
  }
}

extension BinaryCache.Compiler {
  init(of device: Device) throws(OpenCLError) {
    self.init(
      device: try device[.name], driverVersion: try device[.driverVersion],
      deviceVersion: try device[.version], platformVersion: try device.platform.version)
  }
}
