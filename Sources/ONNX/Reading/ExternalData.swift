internal import Files
internal import Graph
internal import ONNXProto
internal import Tensors

/// The files beside a model that hold its tensors' bytes, each mapped once.
final class ExternalData {
  /// The folder that locations are relative to; `nil` when the model came from memory.
  private let directory: String?
  private var files: [String: MappedFile] = [:]

  /// Tensors smaller than this are copied out of the mapping.
  private static let smallestMapped = 1 << 16

  init(directory: String?) {
    self.directory = directory
  }

  /// The tensor whose bytes `entries` (location, offset, length) point to.
  func tensor(
    _ entries: [StringStringEntryProto], type: ElementType, shape: [Int], label: String
  ) throws -> Tensor {
    var values: [String: String] = [:]
    for entry in entries { values[entry.key] = entry.value }
    guard let location = values["location"], !location.isEmpty else {
      throw GraphError.invalid("\(label) is external data without a location")
    }
    let file = try file(location, label: label)
    let offset = try number(values["offset"], "offset", label: label) ?? 0
    let needed = PackedElements.byteCount(shape.reduce(1, *), bits: type.bitCount)
    let length = try number(values["length"], "length", label: label) ?? needed
    guard length == needed else {
      throw GraphError.invalid(
        "\(label), \(describe(type, shape)), needs \(needed) bytes but has \(length) in '\(location)'"
      )
    }
    guard offset <= file.bytes.count, length <= file.bytes.count - offset else {
      throw GraphError.invalid(
        "\(label) lies at \(offset) with \(length) bytes, beyond the end of '\(file.path)'"
          + " (\(file.bytes.count) bytes)")
    }
    return tensor(in: file, offset: offset, length: length, type: type, shape: shape)
  }

  private func tensor(
    in file: MappedFile, offset: Int, length: Int, type: ElementType, shape: [Int]
  ) -> Tensor {
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[offset..<(offset + length)])
    // A tensor promises 64-byte alignment and whole vectors to read at its end.
    let hasRoomAfter = file.bytes.count - offset - length >= 64
    guard type.bitCount >= 8, type != .bool, length >= Self.smallestMapped,
      let start = bytes.baseAddress, Int(bitPattern: start) % 64 == 0, hasRoomAfter
    else { return TensorReader.tensor(bytes: bytes, type: type, shape: shape) }
    let storage = TensorStorage(
      bytes: UnsafeMutableRawPointer(mutating: start), byteCount: length,
      release: { _ in withExtendedLifetime(file) {} })
    return Tensor(elementType: type, shape: shape, storage: storage)
  }

  private func file(_ location: String, label: String) throws -> MappedFile {
    if let file = files[location] { return file }
    guard let directory else {
      throw GraphError.invalid("\(label) is external data, but the model is not a file")
    }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.hasPrefix("/"), !parts.contains(".."), !location.utf8.contains(0) else {
      throw GraphError.invalid("\(label) lies outside the model's folder: '\(location)'")
    }
    do {
      let file = try MappedFile(path: directory.isEmpty ? location : directory + "/" + location)
      files[location] = file
      return file
    } catch {
      throw GraphError.invalid("\(label) is external data: \(error.description)")
    }
  }

  private func number(_ text: String?, _ key: String, label: String) throws -> Int? {
    guard let text, !text.isEmpty else { return nil }
    guard let value = Int(text), value >= 0 else {
      throw GraphError.invalid("\(label) has the \(key) '\(text)' in its external data")
    }
    return value
  }
}
