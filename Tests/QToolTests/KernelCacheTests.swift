import Glibc
import Testing

/// Compiled kernels on disk, seen from the command: whatever the folder is like, results are the same.
@Suite(.enabled(if: DeviceTroubleTests.runsOnDevices, "no OpenCL device"))
struct KernelCacheTests {
  let folder = TemporaryFolder()
  let model: String

  init() throws {
    model = try Models.write(
      Models.tapered(channels: [1, 4, 6, 8], side: 16), "m.onnx", in: folder)
  }

  /// Starts a calibration on the device with compiled kernels in `cache`.
  func start(_ cache: String, _ result: String) -> Command {
    Command(
      ["calibrate", model, "--data", "random:3", "-o", "\(folder.path)/\(result)", "--overwrite"],
      in: folder, environment: ["LOWBIT_DEVICE": "0", "LOWBIT_CACHE": cache])
  }

  func result(_ cache: String) -> [UInt8] {
    let outcome = start(cache, "result").wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    return folder.bytes("result")
  }

  /// The entries of a cache, without its locks.
  private func programs(in cache: String) -> [String] {
    TemporaryFolder.names(in: cache + "/programs").filter { !$0.hasSuffix(".lock") }
  }

  @Test func eightProcessesShareAnEmptyFolder() {
    let cache = "\(folder.path)/cache"
    let commands = (0..<8).map { start(cache, "result\($0)") }
    for command in commands {
      let outcome = command.wait()
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let results = Set((0..<8).map { folder.bytes("result\($0)") })
    #expect(results.count == 1 && !results.contains([]))
    let entries = programs(in: cache)
    #expect(entries.allSatisfy { $0.hasSuffix(".clbin") }, "\(entries)")
    #expect(results.contains(result(cache)))
    #expect(programs(in: cache) == entries)
  }

  @Test func damagedEntriesAreBuiltAgain() {
    let cache = "\(folder.path)/cache"
    let expected = result(cache)
    let entries = programs(in: cache)
    for (index, entry) in entries.enumerated() {
      let bytes = folder.bytes("cache/programs/\(entry)")
      var damaged = Array(bytes.prefix(bytes.count * index / entries.count))
      if index % 2 == 0 {
        damaged = bytes
        damaged[bytes.count / 2] ^= 4
      }
      folder.write(damaged, "cache/programs/\(entry)")
    }
    #expect(result(cache) == expected)
    #expect(programs(in: cache) == entries)
  }

  @Test func foldersThatCannotBeWritten() {
    let expected = result("\(folder.path)/cache")
    folder.write("a file", "file")
    for cache in ["/proc/lowbit", "\(folder.path)/file", "/dev/null/cache"] {
      #expect(result(cache) == expected)
    }
  }
}
