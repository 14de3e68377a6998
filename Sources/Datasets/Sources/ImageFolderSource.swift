/// A folder of JPEG and PNG files; a sub-folder is a class, or a table names them.
///
/// Where the names of all sub-folders are whole numbers, they are the indices of the classes;
/// otherwise a class's index is its place among the sorted names.
struct ImageFolderSource: SampleSource {
  private let folder: String
  /// Relative to the folder.
  private let files: [String]
  private let labels: [Label]?

  var count: Int { files.count }

  /// - Parameter labels: a table; its files are the samples, in its order.
  init(_ folder: String, labels: FileLabels?) throws(DataError) {
    self.folder = folder
    if let labels {
      files = labels.files
      self.labels = try labels.files.map { file throws(DataError) in
        guard Folder.kind(of: Folder.path(folder, file)) == .file else {
          throw DataError(
            file: Folder.path(folder, file), "is named by the labels and is not there")
        }
        return try labels.label(of: file)
      }
      return
    }
    let names = try Folder.names(in: folder)
    let own = names.filter(Self.isImage)
    let classes = names.filter { Folder.kind(of: Folder.path(folder, $0)) == .folder }
    if own.isEmpty {
      var paths: [String] = []
      var found: [Label] = []
      let areIndices = classes.allSatisfy { (Int($0) ?? -1) >= 0 }
      for (place, name) in classes.enumerated() {
        let index = areIndices ? Int(name) ?? place : place
        let images = try Folder.names(in: Folder.path(folder, name)).filter(Self.isImage)
        paths += images.map { "\(name)/\($0)" }
        found += images.map { _ in Label(index: index, name: name) }
      }
      files = paths
      self.labels = found
    } else {
      files = own
      self.labels = nil
    }
  }

  var takesImageOptions: Bool { true }

  func sample(at index: Int) throws -> RawSample {
    let path = Folder.path(folder, files[index])
    return RawSample(content: .image(try ImageFile.read(path)), label: labels?[index], name: path)
  }

  static func isImage(_ name: String) -> Bool {
    ImageFile.nameExtensions.contains(Folder.nameExtension(of: name))
  }
}
