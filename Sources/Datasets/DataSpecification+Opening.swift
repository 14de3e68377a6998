import Tensors

extension DataSpecification {
  /// Opens the data for a model.
  ///
  /// - Parameters:
  ///   - inputs: what the model takes.
  ///   - seed: of `random:N`.
  ///   - tensorReader: reads the tensors of ONNX's `test_data_set` folders.
  /// - Throws: ``DataError`` when there is nothing that can be recognised, or what is there is
  ///   damaged. What is wrong with a single sample shows when it is read.
  public func open(
    for inputs: [ModelInput], seed: UInt64 = 0, tensorReader: TensorReader? = nil
  ) throws -> any Dataset {
    var source: any SampleSource
    if path.hasPrefix("random:") {
      source = try randomSource(inputs, seed)
    } else {
      switch Folder.kind(of: path) {
      case .file: source = try fileSource(inputs)
      case .folder:
        let pairs = try SuperResolutionPairs.pairs(in: path)
        if !pairs.isEmpty { return try SuperResolutionPairs(self, pairs: pairs, inputs: inputs) }
        source = try folderSource(inputs, tensorReader)
      case nil: throw DataError(file: path, "there is no such file or folder")
      }
    }
    if resize != nil || crop != nil || channels != nil, !source.takesImageOptions {
      throw DataError(file: path, "resize, crop and channels apply to images; these are arrays")
    }
    if ignoresLabels { source = UnlabelledSource(source: source) }
    return PreparedDataset(
      name: text, source: source, selection: try Selection(self, of: source.count),
      preparation: Preparation(specification: self, inputs: inputs))
  }

  private func randomSource(
    _ inputs: [ModelInput], _ seed: UInt64
  ) throws(DataError) -> RandomSource {
    guard let count = Int(path.dropFirst(7)), count > 0 else {
      throw DataError(file: path, "expected random: and a number of samples")
    }
    guard labels == nil else { throw DataError(file: path, "random data have no labels") }
    let size: Size? = if case .exactly(let size) = resize { size } else { crop }
    return try RandomSource(count: count, inputs: inputs, seed: seed, size: size, layout: layout)
  }

  // MARK: - Files

  private func fileSource(_ inputs: [ModelInput]) throws(DataError) -> any SampleSource {
    let file = try ByteSource(path: path)
    if try ZipArchive.recognises(file) { return try archiveSource(inputs) }
    let start = try file.bytes(at: 0, count: min(file.count, 6))
    if start == NumPyHeader.magic {
      let labels = try labels.map { path throws(DataError) in
        try NumPyFile.read(Self.find(path, beside: self.path))
      }
      return try ArraySource(path: path, arrays: [(nil, NumPyArray(file))], labels: labels)
    }
    let unpacked = try file.unpacked()
    if try IDXSource.recognises(unpacked) {
      return try IDXSource(
        images: unpacked, labels: labels.map { Self.find($0, beside: path) })
    }
    if try CIFARSource.recognises(unpacked) { return CIFARSource([unpacked]) }
    if start.starts(with: [0xff, 0xd8]) || start.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      throw DataError(file: path, "is one image; give the folder that holds it")
    }
    throw DataError(
      file: path, "is not recognised: neither .npy, .npz, IDX images nor CIFAR-10 records")
  }

  private func archiveSource(_ inputs: [ModelInput]) throws(DataError) -> ArraySource {
    var arrays: [(name: String?, array: NumPyArray)] = []
    var labelArray: NumPyArray?
    let inputNames = Set(inputs.map(\.name))
    for (name, array) in try NumPyFile.arrays(inArchive: path) {
      if !inputNames.contains(name), ["labels", "y"].contains(name) {
        labelArray = array
      } else {
        arrays.append((name, array))
      }
    }
    let names = arrays.map { $0.name ?? "" }
    let labels = try labelArray?.tensor()
    if inputNames.isSubset(of: names) {
      return try ArraySource(
        path: path, arrays: arrays.filter { inputNames.contains($0.name ?? "") }, labels: labels)
    }
    if let images = arrays.first(where: { ["images", "x"].contains($0.name) }) ?? arrays.first,
      inputs.count == 1, arrays.count == 1 || ["images", "x"].contains(images.name)
    {
      return try ArraySource(path: path, arrays: [(nil, images.array)], labels: labels)
    }
    let wanted = inputNames.sorted().map { "'\($0)'" }.joined(separator: ", ")
    throw DataError(
      file: path, "holds the arrays \(names.sorted()), and the model's inputs are \(wanted)")
  }

  // MARK: - Folders

  private func folderSource(
    _ inputs: [ModelInput], _ tensorReader: TensorReader?
  ) throws(DataError) -> any SampleSource {
    let sets = try TensorFolderSource.folders(in: path)
    if !sets.isEmpty, let tensorReader {
      return TensorFolderSource(sets, inputs: inputs, read: tensorReader)
    }
    let names = try Folder.names(in: path)
    func files(_ nameExtension: String) -> [String] {
      names.filter { Folder.nameExtension(of: $0) == nameExtension }
        .map { Folder.path(path, $0) }
    }
    let arrays = files("npy")
    if !arrays.isEmpty {
      return try ArrayFolderSource(
        paths: arrays, rank: inputs.first?.shape?.count, labels: table(names))
    }
    let imageFiles = names.filter { $0.contains("images-idx3") || $0.contains("images.idx3") }
    if imageFiles.count == 1 {
      return try at(Folder.path(path, imageFiles[0])).fileSource(inputs)
    }
    guard imageFiles.isEmpty else {
      throw DataError(
        file: path,
        "holds several sets of images; name one of \(imageFiles.joined(separator: ", "))")
    }
    let records = files("bin")
    if !records.isEmpty { return try recordSource(records) }
    let images = try ImageFolderSource(path, labels: table(names))
    guard images.count > 0 else {
      throw DataError(
        file: path,
        "holds nothing that is recognised: no .npy, IDX, CIFAR-10 .bin, JPEG or PNG "
          + "files, no pairs *_LR, *_HR, no input_0.pb")
    }
    return images
  }

  private func recordSource(_ paths: [String]) throws(DataError) -> CIFARSource {
    let names = paths.map(Folder.name(of:))
    if names.contains("test_batch.bin"), names.count > 1 {
      throw DataError(
        file: path, "holds training and test images; name the file of one of them")
    }
    return CIFARSource(
      try paths.map { path throws(DataError) in
        let source = try ByteSource(path: path)
        guard try CIFARSource.recognises(source) else {
          throw DataError(file: path, "does not hold whole CIFAR-10 records of 3073 bytes")
        }
        return source
      })
  }

  /// The table that `labels=` names, else `labels.csv` of the folder where there is one.
  private func table(_ names: [String]) throws(DataError) -> FileLabels? {
    if let labels { return try FileLabels(csv: Self.find(labels, inFolder: path)) }
    guard !ignoresLabels, names.contains("labels.csv") else { return nil }
    return try FileLabels(csv: Folder.path(path, "labels.csv"))
  }

  private static func find(_ name: String, beside path: String) -> String {
    find(name, inFolder: Folder.parent(of: path))
  }

  /// `name` in the folder, or as it is.
  private static func find(_ name: String, inFolder folder: String) -> String {
    let inside = Folder.path(folder, name)
    return !name.hasPrefix("/") && Folder.kind(of: inside) == .file ? inside : name
  }

  /// The same options for another path.
  private func at(_ path: String) -> DataSpecification {
    var other = self
    other.path = path
    return other
  }
}
