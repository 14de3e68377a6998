internal import Files
internal import FoundationEssentials
public import Graph
internal import ONNXProto
internal import SwiftProtobuf
internal import Tensors

/// Reads ONNX models.
///
/// Opset 7 and later keep their own meaning: nothing is converted. What the graph holds afterwards
/// is simpler than the file in three ways: initializers are never inputs (before IR version 4 they
/// had to be), `Constant` nodes are initializers under the names of their outputs, and the model's
/// own functions are written out in place.
public enum ONNXReader {
  /// The model in the file at `path`.
  ///
  /// Peak memory is about twice the file's size. External data is mapped, not read.
  ///
  /// - Throws: ``Graph/GraphError`` naming file and tensor or node for a model that cannot be opened,
  ///   is corrupt, breaks ONNX's rules or uses what graphs here cannot hold.
  public static func read(path: String) throws -> Graph {
    var file: MappedFile? = try open(path)
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) + "/" } ?? ""
    var model = try parse(file!.bytes, name: path)
    file = nil
    return try graph(&model, name: path, directory: directory)
  }

  /// The model in `bytes`; `name` is how messages call it. A model with external data is refused.
  public static func read(bytes: [UInt8], name: String) throws -> Graph {
    var model = try bytes.withUnsafeBytes { try parse($0, name: name) }
    return try graph(&model, name: name, directory: nil)
  }

  private static func open(_ path: String) throws(GraphError) -> MappedFile {
    do {
      return try MappedFile(path: path)
    } catch {
      throw GraphError.invalid(error.description)
    }
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer, name: String) throws -> ModelProto {
    guard let start = bytes.baseAddress, !bytes.isEmpty else {
      throw GraphError.invalid("\(name): the file is empty")
    }
    let data = Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count, deallocator: .none)
    do {
      return try ModelProto(serializedBytes: data)
    } catch {
      throw GraphError.invalid(
        "\(name): not an ONNX model, or a truncated or corrupt one (\(error))")
    }
  }

  private static func graph(
    _ model: inout ModelProto, name: String, directory: String?
  ) throws -> Graph {
    do {
      return try ModelReader(external: ExternalData(directory: directory)).graph(&model)
    } catch let error as GraphError {
      throw error.located(in: name)
    }
  }
}
