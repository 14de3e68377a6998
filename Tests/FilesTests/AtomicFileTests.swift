import Files
import Glibc
import TestFolders
import Testing

@Suite struct AtomicFileTests {
  let folder = makeTestFolder("lowbit-files")

  func entries() -> Set<String> {
    var names: Set<String> = []
    guard let directory = opendir(folder) else { return names }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.insert(name) }
    }
    return names
  }

  func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  @Test(arguments: [0, 1, 7, 8, 9, 100_003])
  func appearsWhole(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var file = try AtomicFile(replacing: "\(folder)/a", overwrite: false)
    // In uneven pieces, so that the checksum meets every alignment.
    var rest = bytes[...]
    for length in [1, 3, 8, 13, 100_000] where !rest.isEmpty {
      try file.write(rest.prefix(length))
      rest = rest.dropFirst(length)
    }
    #expect(!entries().contains("a"))
    try file.commit()
    #expect(entries() == ["a"])
    #expect(contents(of: "\(folder)/a") == bytes)
  }

  @Test func leavesNothingBehindAfterAnError() throws {
    struct Stop: Error {}
    func attempt() throws {
      var file = try AtomicFile(replacing: "\(folder)/a", overwrite: false)
      try file.write([1, 2, 3])
      throw Stop()
    }
    #expect(throws: Stop.self) { try attempt() }
    #expect(entries().isEmpty)
  }

  @Test func validationKeepsTheOldFile() throws {
    struct Bad: Error {}
    try AtomicFile.write([1], to: "\(folder)/a", overwrite: false)
    var file = try AtomicFile(replacing: "\(folder)/a", overwrite: true)
    try file.write([2])
    do {
      try file.commit(validating: { path in
        #expect(contents(of: path) == [2])
        throw Bad()
      })
      Issue.record("the validation's error was lost")
    } catch is Bad {}
    #expect(entries() == ["a"])
    #expect(contents(of: "\(folder)/a") == [1])
  }

  @Test func refusesToReplace() throws {
    try AtomicFile.write([1], to: "\(folder)/a", overwrite: false)
    let error = #expect(throws: FileError.self) {
      try AtomicFile.write([2], to: "\(folder)/a", overwrite: false)
    }
    #expect(error?.description == "\(folder)/a: exists already; --overwrite replaces it")
    try AtomicFile.write([3], to: "\(folder)/a", overwrite: true)
    #expect(contents(of: "\(folder)/a") == [3])
  }

  @Test func namesWhatCannotBeWritten() throws {
    let missing = #expect(throws: FileError.self) {
      try AtomicFile.write([1], to: "\(folder)/none/a", overwrite: false)
    }
    #expect(missing?.description.contains("No such file or directory") == true)
    let isFolder = #expect(throws: FileError.self) {
      try AtomicFile.write([1], to: folder, overwrite: true)
    }
    #expect(isFolder?.description == "\(folder): is a folder")
  }

  /// What a killed process leaves is not the target, and goes away with the next writer; the file of
  /// a writer that lives stays.
  @Test func leftoversOfKilledProcessesGoAway() async throws {
    let target = "\(folder)/a"
    await #expect(processExitsWith: .signal(SIGKILL)) { [target = target as String] in
      var file = try AtomicFile(replacing: target, overwrite: false)
      try file.write([1, 2, 3])
      kill(getpid(), SIGKILL)
      try file.commit()
    }
    let left = entries()
    #expect(left.count == 1 && left.allSatisfy { $0.hasPrefix(".a.") })
    for name in [".a.toolong", ".b.abcdef", ".a.short"] {
      try AtomicFile.write([9], to: "\(folder)/\(name)", overwrite: false)
    }
    let others: Set = [".a.toolong", ".b.abcdef", ".a.short"]
    var living = try AtomicFile(replacing: target, overwrite: true)
    try living.write([4])
    #expect(entries().count == 4 && left.isDisjoint(with: entries()))
    try AtomicFile.write([5], to: target, overwrite: true)
    #expect(entries().count == 5)
    try living.commit()
    #expect(contents(of: target) == [4])
    #expect(entries() == others.union(["a"]))
  }

  @Test func manyWritersOfOneTarget() async throws {
    let target = "\(folder)/a"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<16 {
        group.addTask {
          for _ in 0..<20 {
            try AtomicFile.write(
              [UInt8](repeating: UInt8(writer), count: 1000), to: target, overwrite: true)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(entries() == ["a"])
    #expect(contents(of: target).count == 1000 && Set(contents(of: target)).count == 1)
  }

  @Test func finishedFilesOnlyWaitForTheirName() throws {
    var file = try AtomicFile(replacing: "\(folder)/a", overwrite: false)
    try file.write([1])
    try file.finish()
    try file.finish()
    #expect(!entries().contains("a"))
    try file.commit()
    #expect(contents(of: "\(folder)/a") == [1])
  }
}
