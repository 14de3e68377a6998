import Bitstream
import Files
import LowBit
import Signalling

/// Streams from files, with errors that name them.
enum SignalStream {
  /// Reads the byte stream in the file `path`.
  static func read(_ path: String, codec: VideoCodec?) throws -> ByteStream {
    let bytes = try WholeFile.read(path, limit: 1 << 32)
    return try inside(path) { () throws(BitstreamError) in try ByteStream(bytes, codec: codec) }
  }

  /// The number of the network that was asked for, or of the only one.
  static func identifier(_ id: Int?, of known: [Int], path: String) throws -> Int {
    guard !known.isEmpty else {
      throw BitstreamError(
        byte: 0, element: "nnpfc_id", "the stream holds no messages of ours"
      ).located(in: path)
    }
    let list = known.sorted().map(String.init).joined(separator: ", ")
    guard let id else {
      guard known.count == 1 else {
        throw UsageError("\(path): --id chooses one of the networks \(list)")
      }
      return known[0]
    }
    guard known.contains(id) else {
      throw UsageError("--id \(id): '\(path)' has the networks \(list)")
    }
    return id
  }

  /// The graph of a network of the stream `path`, on the model `base` where there is one.
  static func graph(
    of network: ReceivedNetwork, in path: String, on base: String?
  ) throws -> Graph {
    do {
      guard let base else { return try network.rebuilt() }
      return try network.rebuilt(on: try ONNXReader.read(path: base))
    } catch let error as BitstreamError {
      throw error.located(in: path)
    } catch let error as GraphError {
      throw error.located(in: base ?? path)
    }
  }

  /// What our messages in `stream` say.
  static func receive(
    _ stream: ByteStream, path: String, tensorsAt located: [String: [UInt8]] = [:]
  ) throws -> SignalReceiver {
    try inside(path) { () throws(BitstreamError) in
      try SignalReceiver(stream, tensorsAt: located)
    }
  }
}
