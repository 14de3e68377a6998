import Files
import Glibc
import LowBit

/// A folder that takes a `.npy` file for every output of a model: all of them or none.
struct OutputFolder {
  let path: String
  let overwrite: Bool

  init(_ path: String, overwrite: Bool) {
    self.path = path
    self.overwrite = overwrite
  }

  /// Throws when the outputs of `graph` could not be written; makes nothing.
  func check(for graph: Graph) throws {
    for output in graph.outputs {
      let file = try file(for: output.name)
      let folder = Self.folder(of: file)
      if try Self.exists(folder) { try AtomicFile.check(file, overwrite: overwrite) }
    }
  }

  /// Writes the outputs in the graph's order; a name with slashes goes to sub-folders.
  func write(_ outputs: [String: Tensor], of graph: Graph) throws -> [RunResult.Output] {
    try check(for: graph)
    let files = try graph.outputs.map { try (name: $0.name, file: file(for: $0.name)) }
    for (_, file) in files { try Self.make(Self.folder(of: file)) }
    var waiting: [WaitingFile] = []
    let written = try files.compactMap { name, file -> RunResult.Output? in
      guard let tensor = outputs[name] else { return nil }
      waiting.append(
        WaitingFile(try NumPyFile.finished(tensor, for: file, overwrite: overwrite)))
      return RunResult.Output(
        name: name, elementType: "\(tensor.elementType)", shape: tensor.shape, file: file)
    }
    for file in waiting { try file.commit() }
    return written
  }

  private func file(for name: String) throws -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
      throw UsageError("the output '\(name)' does not make a file name")
    }
    return "\(path)/\(name).npy"
  }

  private static func folder(of file: String) -> String {
    String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])
  }

  /// Whether the folder is there; throws when it is not and cannot be made.
  private static func exists(_ folder: String) throws -> Bool {
    var path = folder
    while true {
      var status = stat()
      if stat(path.isEmpty ? "." : path, &status) == 0 {
        guard status.st_mode & S_IFMT == S_IFDIR else {
          throw UsageError("cannot make the folder '\(folder)': '\(path)' is not a folder")
        }
        let isWhole = path == folder
        guard isWhole || access(path.isEmpty ? "." : path, W_OK | X_OK) == 0 else {
          throw UsageError(
            "cannot make the folder '\(folder)': \(String(cString: strerror(errno)))")
        }
        return isWhole
      }
      guard errno == ENOENT || errno == ENOTDIR else {
        throw UsageError("cannot make the folder '\(folder)': \(String(cString: strerror(errno)))")
      }
      let parent = self.folder(of: path)
      path = parent.isEmpty && path.hasPrefix("/") ? "/" : parent
    }
  }

  /// Makes a folder, and those that lead to it.
  static func make(_ folder: String) throws {
    var made = folder.hasPrefix("/") ? "/" : ""
    for part in folder.split(separator: "/") {
      made += (made.isEmpty || made == "/" ? "" : "/") + part
      guard mkdir(made, 0o777) == 0 || errno == EEXIST else {
        throw UsageError("cannot make the folder '\(made)': \(String(cString: strerror(errno)))")
      }
    }
  }
}

/// A finished file that has no name yet, in a box that an array can hold.
private final class WaitingFile {
  private var file: AtomicFile?

  init(_ file: consuming AtomicFile) { self.file = consume file }

  func commit() throws(FileError) { try file.take()?.commit() }
}
