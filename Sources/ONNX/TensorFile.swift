internal import Files
internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import SwiftProtobuf
public import Tensors

/// A single tensor in a `.pb` file, as the `test_data_set_N` folders of ONNX models hold them.
public struct TensorFile: Sendable {
  /// The name that the tensor bears, which is an input's or output's or empty.
  public var name: String

  /// The tensor.
  public var tensor: Tensor

  /// Makes one.
  public init(name: String, tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }

  /// The tensor in the file at `path`.
  ///
  /// - Throws: `FileError` when the file cannot be opened; `GraphError` naming it when it holds
  ///   no tensor, or one of a type that is not supported, such as strings or sequences.
  public static func read(path: String) throws -> TensorFile {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) + "/" } ?? ""
    return try read(file.bytes, name: path, directory: directory)
  }

  /// The tensor in `bytes`; `name` is how messages call them.
  public static func read(bytes: [UInt8], name: String) throws -> TensorFile {
    try bytes.withUnsafeBytes { try read($0, name: name, directory: nil) }
  }

  /// The bytes of the file.
  public func bytes() throws -> [UInt8] {
    defer { withExtendedLifetime(tensor) {} }
    return try TensorWriter(external: nil).message(tensor, name: name).serializedBytes()
  }

  private static func read(
    _ bytes: UnsafeRawBufferPointer, name: String, directory: String?
  ) throws -> TensorFile {
    guard !bytes.isEmpty else { throw GraphError.invalid("\(name): the file is empty") }
    var proto: TensorProto
    do {
      proto = try TensorProto(serializedBytes: Data(bytes))
    } catch {
      throw GraphError.invalid("\(name): not an ONNX tensor, or a corrupt one (\(error))")
    }
    do {
      let reader = TensorReader(external: ExternalData(directory: directory))
      let tensor = try reader.tensor(&proto, label: "the tensor '\(proto.name)'")
      return TensorFile(name: proto.name, tensor: tensor)
    } catch let error as GraphError {
      throw error.located(in: name)
    }
  }
}
