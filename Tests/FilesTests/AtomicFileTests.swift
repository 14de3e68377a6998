import Files
import Glibc
import Testing

@Suite struct AtomicFileTests {
  let folder: String

  init() {
    var template = Array("/tmp/lowbit-files.XXXXXX".utf8CString)
    folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

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
}
