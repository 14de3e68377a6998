import Glibc
import TestFolders
import Testing

@testable import OpenCLHost

@Suite struct BinaryCacheTests {
  /// Calls `body` with a cache in a folder of its own that is removed afterwards.
  func withCache(_ body: (BinaryCache) async throws -> Void) async throws {
    let folder = makeTestFolder("lowbit-cache")
    let cache = BinaryCache(folder: folder + "/deep/er")
    try await body(cache)
    for file in files(cache) { unlink(cache.folder + "/" + file) }
    for path in [cache.folder, folder + "/deep", folder] {
      #expect(rmdir(path) == 0, "\(path) is not empty")
    }
  }

  func files(_ cache: BinaryCache) -> [String] {
    guard let folder = opendir(cache.folder) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// What lies in the folder, without the locks.
  func entries(_ cache: BinaryCache) -> [String] { files(cache).filter { !$0.hasSuffix(".lock") } }

  @Test(.needsDevice, arguments: devices) func aSecondBuildComesFromTheFile(_ device: Device)
    async throws
  {
    try await withCache { cache in
      let context = try Context(device)
      let queue = try Queue(context)
      let first = try cache.program(context, source: ProgramTests.axpy)
      try ProgramTests.checkAxpy(first, queue)
      mkdir(cache.folder, 0o700)  // where the driver has no binaries
      guard let entry = entries(cache).first else { return }
      #expect(entries(cache).count == 1 && entry.hasSuffix(".clbin"))
      let path = cache.folder + "/" + entry
      let binary = try #require(cache.read(path))
      try ProgramTests.checkAxpy(cache.program(context, source: ProgramTests.axpy), queue)
      #expect(cache.read(path) == binary)
      _ = try cache.program(context, source: ProgramTests.axpy + "\n")
      _ = try cache.program(context, source: ProgramTests.axpy, options: "-DX=1")
      #expect(entries(cache).count == 3)
    }
  }

  /// Cut short, a flipped bit, empty, and a well-formed entry that no driver understands.
  @Test(.needsDevice, arguments: devices) func damagedEntriesAreBuiltAgain(_ device: Device)
    async throws
  {
    try await withCache { cache in
      let context = try Context(device)
      let queue = try Queue(context)
      _ = try cache.program(context, source: ProgramTests.axpy)
      mkdir(cache.folder, 0o700)
      guard let entry = entries(cache).first else { return }
      let path = cache.folder + "/" + entry
      let whole = try #require(bytes(of: path))
      var flipped = whole
      flipped[whole.count / 2] ^= 1
      for damage in [Array(whole.prefix(whole.count / 2)), flipped, []] {
        put(damage, at: path)
        #expect(cache.read(path) == nil)
        try ProgramTests.checkAxpy(cache.program(context, source: ProgramTests.axpy), queue)
        #expect(cache.read(path) != nil, "the entry was not replaced")
      }
      cache.write(Array("no program of any driver".utf8), to: path)
      try ProgramTests.checkAxpy(cache.program(context, source: ProgramTests.axpy), queue)
      #expect(try #require(cache.read(path)).count > 100)
    }
  }

  @Test(.needsDevice, arguments: devices) func manyWritersLeaveOneEntry(_ device: Device)
    async throws
  {
    try await withCache { cache in
      let context = try Context(device)
      let queue = try Queue(context)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            try ProgramTests.checkAxpy(cache.program(context, source: ProgramTests.axpy), queue)
          }
        }
        try await group.waitForAll()
      }
      mkdir(cache.folder, 0o700)
      #expect(entries(cache).count <= 1)
    }
  }

  @Test func aFolderThatCannotBeMadeIsNoError() throws {
    let cache = BinaryCache(folder: "/dev/null/programs")
    cache.write([1, 2, 3], to: cache.folder + "/x")
    for device in devices {
      _ = try cache.program(Context(device), source: ProgramTests.axpy)
    }
  }

  /// A driver that was replaced must not get the binaries of the old one.
  @Test func everyPartIsInTheKey() throws {
    let cache = BinaryCache(folder: "/nowhere")
    let compiler = BinaryCache.Compiler(
      device: "d", driverVersion: "1", deviceVersion: "2", platformVersion: "3")
    var keys = [
      cache.key(compiler, "s", "o"), cache.key(compiler, "so", ""), cache.key(compiler, "s", ""),
    ]
    for part in [
      \BinaryCache.Compiler.device, \.driverVersion, \.deviceVersion, \.platformVersion,
    ] {
      var other = compiler
      other[keyPath: part] += "x"
      keys.append(cache.key(other, "s", "o"))
    }
    #expect(Set(keys).count == keys.count)
    for device in devices {
      let own = BinaryCache.Compiler(
        device: try device[.name], driverVersion: try device[.driverVersion],
        deviceVersion: try device[.version], platformVersion: try device.platform.version)
      #expect(try cache.key(device, "s", "o") == cache.key(own, "s", "o"))
    }
  }

  /// A limit of file sizes stops the write of an entry as a full disk does.
  @Test func aFullDiskLeavesNoEntry() async throws {
    try await withCache { cache in
      let folder = cache.folder
      await #expect(processExitsWith: .success) { [folder = folder as String] in
        let cache = BinaryCache(folder: folder)
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
        setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
        cache.write([UInt8](repeating: 1, count: 100_000), to: folder + "/large.clbin")
        cache.write([1, 2, 3], to: folder + "/small.clbin")
        precondition(cache.read(folder + "/large.clbin") == nil)
        precondition(cache.read(folder + "/small.clbin") == [1, 2, 3])
      }
      #expect(entries(cache) == ["small.clbin"])
    }
  }

  @Test func leftoversOfKilledProcessesGoAway() async throws {
    try await withCache { cache in
      cache.write([1], to: cache.folder + "/other.clbin")
      for name in ["entry.clbin.abcdef", "entry.clbin.ghijkl"] {
        put([1, 2], at: cache.folder + "/" + name)
      }
      var old = [timespec(tv_sec: time(nil) - 3600, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
      old[1] = old[0]
      utimensat(AT_FDCWD, cache.folder + "/entry.clbin.abcdef", &old, 0)
      cache.write([3], to: cache.folder + "/entry.clbin")
      #expect(
        entries(cache).sorted() == ["entry.clbin", "entry.clbin.ghijkl", "other.clbin"])
    }
  }

  private func bytes(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 24)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }

  private func put(_ bytes: [UInt8], at path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
}
