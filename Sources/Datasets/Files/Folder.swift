import Glibc

/// What a path is.
enum PathKind {
  case file, folder
}

/// Names in folders.
enum Folder {
  /// What `path` is, links followed; `nil` when there is nothing, or something else.
  static func kind(of path: String) -> PathKind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    default: return nil
    }
  }

  /// The names in a folder in byte order, without hidden ones.
  static func names(in path: String) throws(DataError) -> [String] {
    guard let directory = opendir(path) else {
      throw DataError(file: path, "cannot open the folder: \(systemMessage())")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// `name` in `folder`.
  static func path(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The folder that holds `path`.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The last part of `path`.
  static func name(of path: String) -> String {
    String(path.split(separator: "/").last ?? "")
  }

  /// The part of the name after its last dot, in lower case.
  static func nameExtension(of path: String) -> String {
    let name = name(of: path)
    guard let dot = name.lastIndex(of: ".") else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }
}
