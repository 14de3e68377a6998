internal import Files
internal import FoundationEssentials
internal import ONNXProto
internal import SwiftProtobuf
internal import Tensors

/// The file beside a model that takes the bytes of its larger tensors, one after the other.
final class ExternalDataWriter {
  private var file: AtomicFile?
  private let location: String
  private var offset = 0

  /// Opens the file at `path`, which appears with ``commit()``.
  init(path: String, overwrite: Bool) throws {
    location = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    file = try AtomicFile(replacing: path, overwrite: overwrite)
  }

  /// Appends the tensor's bytes; returns where they lie, as a model says it.
  ///
  /// Large tensors begin at a page so that a reader can map them.
  func append(_ tensor: Tensor) throws -> [StringStringEntryProto] {
    let data = TensorWriter.borrowedBytes(of: tensor)
    try pad(toMultipleOf: data.count >= 1 << 16 ? 4096 : 64)
    defer { offset += data.count }
    try data.withUnsafeBytes { bytes in try file?.write(raw: bytes) }
    return [("location", location), ("offset", "\(offset)"), ("length", "\(data.count)")].map {
      entry in StringStringEntryProto.with { ($0.key, $0.value) = entry }
    }
  }

  /// Makes the file appear.
  func commit() throws {
    // A reader that maps tensors reads whole vectors at the end of the last one, too.
    try pad(toMultipleOf: 64)
    try file?.write([UInt8](repeating: 0, count: 64))
    try file.take()?.commit()
  }

  private func pad(toMultipleOf alignment: Int) throws {
    let count = (alignment - offset % alignment) % alignment
    try file?.write([UInt8](repeating: 0, count: count))
    offset += count
  }
}
