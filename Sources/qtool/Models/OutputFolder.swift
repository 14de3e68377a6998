import Files
import Glibc
import LowBit

/// A folder that takes a `.npy` file for every output of a model.
struct OutputFolder {
  let path: String
  let overwrite: Bool

  init(_ path: String, overwrite: Bool) {
    self.path = path
    self.overwrite = overwrite
  }

  /// Writes the outputs in the graph's order; a name with slashes goes to sub-folders.
  func write(_ outputs: [String: Tensor], of graph: Graph) throws -> [RunResult.Output] {
    let files = try graph.outputs.map { try (name: $0.name, file: file(for: $0.name)) }
    try makeFolder(path)
    for (_, file) in files {
      if let slash = file.lastIndex(of: "/") { try makeFolder(String(file[..<slash])) }
      try AtomicFile.check(file, overwrite: overwrite)
    }
    return try files.compactMap { name, file in
      guard let tensor = outputs[name] else { return nil }
      try NumPyFile.write(tensor, to: file, overwrite: overwrite)
      return RunResult.Output(
        name: name, elementType: "\(tensor.elementType)", shape: tensor.shape, file: file)
    }
  }

  private func file(for name: String) throws -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
      throw UsageError("the output '\(name)' does not make a file name")
    }
    return "\(path)/\(name).npy"
  }

  private func makeFolder(_ folder: String) throws {
    var made = folder.hasPrefix("/") ? "/" : ""
    for part in folder.split(separator: "/") {
      made += (made.isEmpty || made == "/" ? "" : "/") + part
      guard mkdir(made, 0o777) == 0 || errno == EEXIST else {
        throw UsageError("cannot make the folder '\(made)': \(String(cString: strerror(errno)))")
      }
    }
  }
}
