public import Files
import CImage
public import Tensors

/// Tensors in NumPy's `.npy` and `.npz` files.
public enum NumPyFile {
  /// The array of a `.npy` file.
  ///
  /// - Throws: ``DataError`` when the file is not one, is in Fortran order, is big-endian, or holds
  ///   more or fewer bytes than its header states.
  public static func read(_ path: String) throws(DataError) -> Tensor {
    try NumPyArray(ByteSource(path: path)).tensor()
  }

  /// The arrays of an `.npz` file by name.
  public static func readArchive(_ path: String) throws(DataError) -> [String: Tensor] {
    var arrays: [String: Tensor] = [:]
    for (name, array) in try Self.arrays(inArchive: path) { arrays[name] = try array.tensor() }
    return arrays
  }

  /// Writes a tensor; the same tensor gives the same bytes.
  ///
  /// `bfloat16`, which NumPy lacks, is written as `float32`, which holds every such value; types of
  /// fewer than 8 bits are written as `int8` and `uint8`.
  public static func write(
    _ tensor: Tensor, to path: String, overwrite: Bool
  ) throws(FileError) {
    let file = try finished(tensor, for: path, overwrite: overwrite)
    try file.commit()
  }

  /// The file that ``write(_:to:overwrite:)`` writes, finished and waiting for its name.
  public static func finished(
    _ tensor: Tensor, for path: String, overwrite: Bool
  ) throws(FileError) -> AtomicFile {
    var file = try AtomicFile(replacing: path, overwrite: overwrite)
    let (header, tensor) = representation(of: tensor)
    try file.write(header)
    try write(tensor, to: &file)
    try file.finish()
    return file
  }

  /// Writes tensors by name, uncompressed and in the order of their names; the same tensors give the
  /// same bytes.
  public static func writeArchive(
    _ tensors: [String: Tensor], to path: String, overwrite: Bool
  ) throws(FileError) {
    var file = try AtomicFile(replacing: path, overwrite: overwrite)
    var archive = ZipWriter()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let (header, tensor) = representation(of: tensor)
      var crc = header.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
      tensor.withBytes { bytes in
        var rest = bytes
        while !rest.isEmpty {
          let block = rest.prefix(1 << 30)
          crc = crc32(crc, block.baseAddressAsUInt8, UInt32(block.count))
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(1 << 30))
        }
      }
      try file.write(
        archive.entry(
          name: "\(name).npy", count: header.count + tensor.byteCount, crc: UInt32(crc)))
      try file.write(header)
      try write(tensor, to: &file)
    }
    try file.write(archive.directory())
    try file.commit()
  }

  /// The arrays of an archive; their elements are not read.
  static func arrays(inArchive path: String) throws(DataError) -> [(String, NumPyArray)] {
    let archive = try ZipArchive(ByteSource(path: path))
    var arrays: [(String, NumPyArray)] = []
    for entry in archive.entries where entry.name.hasSuffix(".npy") {
      arrays.append((String(entry.name.dropLast(4)), try NumPyArray(archive.contents(of: entry))))
    }
    guard !arrays.isEmpty else { throw DataError(file: path, "holds no NumPy arrays") }
    return arrays
  }

  private static func write(_ tensor: Tensor, to file: inout AtomicFile) throws(FileError) {
    let outcome = tensor.withBytes { bytes in
      Result { () throws(FileError) in try file.write(raw: bytes) }
    }
    try outcome.get()
  }

  /// The header, and the elements as the format holds them.
  private static func representation(of tensor: Tensor) -> ([UInt8], Tensor) {
    var tensor = tensor
    switch tensor.elementType {
    case .bfloat16:
      let bits = tensor.array(of: UInt16.self)
      tensor = Tensor(bits.map { Float(bitPattern: UInt32($0) << 16) }, shape: tensor.shape)
    case .int4, .int2:
      tensor = Tensor(tensor.array(of: Int8.self), shape: tensor.shape)
    case .uint4, .uint2:
      tensor = Tensor(tensor.array(of: UInt8.self), shape: tensor.shape)
    default: break
    }
    let header = NumPyHeader(elementType: tensor.elementType, shape: tensor.shape)
    guard let bytes = header.bytes else {
      preconditionFailure("\(tensor.elementType) was converted above")
    }
    return (bytes, tensor)
  }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var baseAddressAsUInt8: UnsafePointer<UInt8>? {
    UnsafeRawBufferPointer(rebasing: self).baseAddress?.assumingMemoryBound(to: UInt8.self)
  }
}
