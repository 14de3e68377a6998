import Glibc
import TestFolders
import Testing

/// What a run of `qtool` left behind.
struct Outcome {
  /// The exit code; 128 + N for signal N.
  var status: Int32
  var output: String
  var errors: String
}

/// A started `qtool`.
struct Command {
  /// The program beside the tests.
  static let path: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    // swift test runs the bundle itself, or a helper of the toolchain that loads it.
    let own = String(
      decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let arguments = CommandLine.arguments.filter { $0.contains(".xctest") }
    for candidate in [own] + arguments.map({ $0 }) {
      guard let slash = candidate.lastIndex(of: "/") else { continue }
      let program = candidate[..<slash] + "/qtool"
      if access(String(program), X_OK) == 0 { return String(program) }
    }
    preconditionFailure("there is no qtool beside \(own)")
  }()

  /// Compiled kernels are kept from run to run: where the environment says, else beside the program.
  private static let caches: [String: String] = {
    let names = ["LOWBIT_CACHE": "lowbit-cache", "POCL_CACHE_DIR": "pocl-cache"]
    return Dictionary(
      uniqueKeysWithValues: names.map { variable, name in
        let given = getenv(variable).map { String(cString: $0) }
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        return (variable, given ?? "\(folder)/\(name)")
      })
  }()

  let process: pid_t
  private let output: String
  private let errors: String
  /// Whether standard output went to a file of ours, not to `/dev/full`.
  private let keepsOutput: Bool

  /// Starts `qtool` with its standard output and error in files of `folder`.
  ///
  /// - Parameters:
  ///   - environment: added to a bare one; the reference is the device unless it says otherwise.
  ///   - largestFile: bytes after which writing fails, as on a full disk.
  init(
    _ arguments: [String], in folder: TemporaryFolder, environment: [String: String] = [:],
    standardOutput: String? = nil, largestFile: Int? = nil
  ) {
    let id = UInt64.random(in: 0 ... .max)
    output = standardOutput ?? "\(folder.path)/.stdout.\(id)"
    errors = "\(folder.path)/.stderr.\(id)"
    keepsOutput = standardOutput == nil
    var variables = ["LOWBIT_DEVICE": "reference", "HOME": folder.path, "PATH": "/usr/bin:/bin"]
    variables.merge(Self.caches) { $1 }
    variables.merge(environment) { $1 }
    var command = [Self.path] + arguments
    if let largestFile {
      // POSIX counts in blocks of 512 bytes.
      command = ["/bin/sh", "-c", "ulimit -f \(largestFile / 512); exec \"$0\" \"$@\""] + command
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o644)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var interrupts = sigset_t()
    sigemptyset(&interrupts)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&interrupts, signal) }
    posix_spawnattr_setsigdefault(&attributes, &interrupts)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var process: pid_t = 0
    var argumentPointers = command.map { strdup($0) } + [nil]
    var variablePointers = variables.map { strdup("\($0)=\($1)") } + [nil]
    let status = posix_spawn(
      &process, command[0], &actions, &attributes, &argumentPointers, &variablePointers)
    for pointer in argumentPointers + variablePointers { free(pointer) }
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
    precondition(status == 0, "cannot start \(command[0]): \(String(cString: strerror(status)))")
    self.process = process
  }

  func interrupt(with signal: Int32 = SIGINT) { kill(process, signal) }

  func wait() -> Outcome {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    let outcome = Outcome(
      status: code, output: keepsOutput ? TemporaryFolder.text(of: output) : "",
      errors: TemporaryFolder.text(of: errors))
    if keepsOutput { unlink(output) }
    unlink(errors)
    return outcome
  }
}

/// Runs `qtool` to its end.
func qtool(
  _ arguments: String..., in folder: TemporaryFolder, environment: [String: String] = [:],
  standardOutput: String? = nil, largestFile: Int? = nil
) -> Outcome {
  Command(
    arguments, in: folder, environment: environment, standardOutput: standardOutput,
    largestFile: largestFile
  ).wait()
}

/// A folder that goes away with its last user.
final class TemporaryFolder {
  let path = makeTestFolder("lowbit-qtool")

  deinit { Self.remove(path) }

  /// Every name in the folder, hidden ones too.
  var names: [String] { Self.names(in: path) }

  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) -> String {
    let target = "\(path)/\(name)"
    guard let file = fopen(target, "wb") else { preconditionFailure("cannot write \(target)") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    return target
  }

  @discardableResult
  func write(_ text: String, _ name: String) -> String { write(Array(text.utf8), name) }

  func remove(_ name: String) { unlink("\(path)/\(name)") }

  func bytes(_ name: String) -> [UInt8] { Self.bytes(of: "\(path)/\(name)") }

  static func text(of path: String) -> String {
    String(decoding: bytes(of: path), as: UTF8.self)
  }

  static func bytes(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    var all: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&block, 1, block.count, file)
      if count == 0 { return all }
      all += block[..<count]
    }
  }

  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in names(in: path) { remove("\(path)/\(name)") }
    rmdir(path)
  }
}
