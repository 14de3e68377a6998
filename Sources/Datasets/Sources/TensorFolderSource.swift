public import Tensors

/// ONNX's `test_data_set_N` folders: `input_0.pb`, `input_1.pb`, ... for the model's inputs in order.
///
/// The tensors are protocol buffers, which only the `ONNX` module reads; it is passed in.
struct TensorFolderSource: SampleSource {
  private let folders: [String]
  private let inputs: [ModelInput]
  private let read: TensorReader

  var count: Int { folders.count }

  init(_ folders: [String], inputs: [ModelInput], read: @escaping TensorReader) {
    self.folders = folders
    self.inputs = inputs
    self.read = read
  }

  /// Whether the folder is one, or holds such folders; these.
  static func folders(in path: String) throws(DataError) -> [String] {
    if Folder.kind(of: Folder.path(path, "input_0.pb")) == .file { return [path] }
    return try Folder.names(in: path).filter { $0.hasPrefix("test_data_set_") }
      .map { Folder.path(path, $0) }
      .filter { Folder.kind(of: Folder.path($0, "input_0.pb")) == .file }
  }

  var takesImageOptions: Bool { false }

  func sample(at index: Int) throws -> RawSample {
    let folder = folders[index]
    var tensors: [String: Tensor] = [:]
    for (number, input) in inputs.enumerated() {
      let path = Folder.path(folder, "input_\(number).pb")
      guard Folder.kind(of: path) == .file else {
        throw DataError(file: path, "is missing: the tensor of the model's input '\(input.name)'")
      }
      tensors[input.name] = try read(path)
    }
    return RawSample(content: .named(tensors), label: nil, name: folder)
  }
}

/// Reads the tensor of a `.pb` file.
public typealias TensorReader = @Sendable (_ path: String) throws -> Tensor
