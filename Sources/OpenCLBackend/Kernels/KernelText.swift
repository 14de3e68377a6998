import CKernels
import Glibc

/// The OpenCL C sources, embedded in the program.
///
/// Where the environment variable `LOWBIT_KERNELS` names a folder, a file that exists there replaces
/// the embedded text, so that a kernel can be edited and run without a build.
package enum KernelText {
  /// The paths below `Kernels/` of all embedded sources.
  package static var paths: [String] { table.keys.sorted() }

  /// The text of the file at `path` below `Kernels/`.
  ///
  /// - Precondition: the file is in `kernels.c`.
  package static func text(_ path: String) -> String {
    if let folder, let text = contents(of: folder + "/" + path) { return text }
    guard let text = table[path] else { preconditionFailure("\(path) is not in kernels.c") }
    return text
  }

  /// One program: the definitions, then the files, each under its own name in build logs.
  package static func program(_ paths: [String], definitions: [String]) -> String {
    var source = ""
    for definition in definitions {
      let parts = definition.split(separator: "=", maxSplits: 1)
      source += "#define \(parts[0]) \(parts.count > 1 ? String(parts[1]) : "1")\n"
    }
    for path in paths { source += "#line 1 \"\(path)\"\n" + text(path) + "\n" }
    return source
  }

  /// Writes a program into the folder that the environment variable `LOWBIT_PROGRAMS` names, for
  /// checks of what is really compiled.
  static func keep(_ program: String) {
    guard let folder = getenv("LOWBIT_PROGRAMS") else { return }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in program.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let path = String(cString: folder) + "/" + String(hash, radix: 16) + ".cl"
    guard let file = fopen(path, "we") else { return }
    fputs(program, file)
    fclose(file)
  }

  private static let folder = getenv("LOWBIT_KERNELS").map { String(cString: $0) }

  private static let table: [String: String] = {
    var count = 0
    let rows = UnsafeBufferPointer(start: ck_sources(&count), count: count)
    return Dictionary(
      uniqueKeysWithValues: rows.map { row in
        let text = UnsafeRawBufferPointer(start: row.text, count: row.size)
        return (String(cString: row.path), String(decoding: text, as: UTF8.self))
      })
  }()

  private static func contents(of path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
