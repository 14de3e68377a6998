internal import FoundationEssentials
internal import Graph
internal import ONNXProto
internal import SwiftProtobuf
internal import Tensors

/// Turns tensors into messages, whose bytes stand in the message or in a file beside the model.
struct TensorWriter {
  /// Where the bytes of larger tensors go; `nil` when all stand in the messages.
  let external: ExternalDataWriter?

  /// Tensors of fewer bytes stay in the model even when others do not.
  static let smallestExternal = 1024

  /// The message, which borrows the bytes of `tensor`.
  func message(_ tensor: Tensor, name: String) throws -> TensorProto {
    try TensorProto.with { proto in
      proto.dims = tensor.shape.map(Int64.init)
      proto.dataType = tensor.elementType.onnx
      if !name.isEmpty { proto.name = name }
      if let external, tensor.fileBytes >= Self.smallestExternal {
        proto.dataLocation = .external
        proto.externalData = try external.append(tensor)
      } else {
        proto.rawData = Self.borrowedBytes(of: tensor)
      }
    }
  }

  /// The tensor's bytes as a file has them; not a copy unless they are packed.
  static func borrowedBytes(of tensor: Tensor) -> Data {
    tensor.withBytes { bytes in
      if tensor.elementType.bitCount < 8 {
        return Data(PackedElements.pack(bytes, bits: tensor.elementType.bitCount))
      }
      guard let start = bytes.baseAddress, !bytes.isEmpty else { return Data() }
      return Data(
        bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count,
        deallocator: .none)
    }
  }
}

extension Tensor {
  /// Bytes that the tensor takes in a file.
  var fileBytes: Int { PackedElements.byteCount(count, bits: elementType.bitCount) }
}

extension Graph {
  /// Bytes that all tensors of the graph and its sub-graphs take in a file.
  var tensorFileBytes: Int {
    var sum = initializers.values.reduce(0) { $0 + $1.fileBytes }
    for attribute in nodes.flatMap(\.attributes.values) {
      if case .tensor(let tensor) = attribute { sum += tensor.fileBytes }
      if case .graph(let graph) = attribute { sum += graph.tensorFileBytes }
    }
    return sum
  }
}
