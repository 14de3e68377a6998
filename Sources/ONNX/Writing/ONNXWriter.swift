internal import Files
internal import FoundationEssentials
public import Graph
internal import ONNXProto
internal import SwiftProtobuf
internal import Tensors

/// Writes ONNX models: the same graph is always the same bytes.
///
/// Nodes stand in the order of `Graph.sortedNodes()`, everything that the graph holds by name in
/// the order of the names. Tensors are `raw_data`, those narrower than a byte packed. The IR version
/// and the operator sets are what the graph needs, never a library's newest.
public enum ONNXWriter {
  /// Bytes of tensors above which they go to a file of their own: protobuf ends at 2 GiB.
  public static let externalDataThreshold = 2_000_000_000

  /// Writes `graph` to the file `path`, which appears whole or not at all, after it was read back.
  ///
  /// When the tensors take more than `externalDataThreshold` bytes, those of 1 KiB and more go to
  /// the file `path.data`, which appears before the model does.
  ///
  /// - Parameters:
  ///   - graph: what is written.
  ///   - path: where.
  ///   - irVersion: ONNX's IR version; `nil` for the lowest that the graph needs.
  ///   - overwrite: whether existing files are replaced.
  ///   - externalDataThreshold: bytes of tensors above which they go to a file of their own.
  /// - Throws: `GraphError` naming `path` when the graph breaks ONNX's rules or `irVersion` is too
  ///   low; `FileError` when the file cannot be written.
  public static func write(
    _ graph: Graph, to path: String, irVersion: Int? = nil, overwrite: Bool = false,
    externalDataThreshold: Int = externalDataThreshold
  ) throws {
    try AtomicFile.check(path, overwrite: overwrite)
    do {
      var external: ExternalDataWriter?
      if graph.tensorFileBytes > externalDataThreshold {
        external = try ExternalDataWriter(path: path + ".data", overwrite: overwrite)
      }
      var file = try AtomicFile(replacing: path, overwrite: overwrite)
      try serialize(graph, irVersion: irVersion, external: external) { bytes throws(FileError) in
        try file.write(raw: bytes)
      }
      try file.finish()
      try external?.commit()
      try file.commit { temporary in try readBack(temporary, instead: path, expected: graph) }
    } catch let error as GraphError {
      throw error.located(in: path)
    }
  }

  /// The bytes of the file that ``write(_:to:irVersion:overwrite:externalDataThreshold:)`` would
  /// write, without external data.
  public static func bytes(of graph: Graph, irVersion: Int? = nil) throws -> [UInt8] {
    var result: [UInt8] = []
    try serialize(graph, irVersion: irVersion, external: nil) { bytes throws(FileError) in
      result = Array(bytes)
    }
    return result
  }

  private static func serialize(
    _ graph: Graph, irVersion: Int?, external: ExternalDataWriter?,
    _ body: (UnsafeRawBufferPointer) throws(FileError) -> Void
  ) throws {
    // The messages borrow the tensors' bytes from `graph`.
    defer { withExtendedLifetime(graph) {} }
    let data: Data
    do {
      let model = try ModelWriter(external: external).model(of: graph, irVersion: irVersion)
      data = try model.serializedBytes()
    } catch BinaryEncodingError.missingRequiredFields {
      // No field of ours is required: the library reports its size limit so.
      throw GraphError.unsupported("without external data the model takes more than 2 GiB")
    }
    try data.withUnsafeBytes { bytes in try body(bytes) }
  }

  /// Proves that a reader finds in the file what was meant to be in it.
  private static func readBack(_ temporary: String, instead path: String, expected: Graph) throws {
    let found: Graph
    do {
      found = try ONNXReader.read(path: temporary)
    } catch {
      throw GraphError.invalid("what was written cannot be read back: \(error)")
    }
    // The reader turns Constant nodes into initializers.
    guard found.nodes.count == expected.nodes.count(where: { $0.operatorType != "Constant" }),
      expected.initializers.allSatisfy({ found.initializers[$0.key] == $0.value })
    else { throw GraphError.invalid("what was read back is not what was written") }
  }
}
