public import ArgumentParser
public import Bitstream
import Files
import LowBit
public import Signalling

/// What `signal encode` and `signal mux` say in messages.
struct SignalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write an update of this model: only what differs.", valueName: "model"),
    completion: .file(extensions: ["onnx"]))
  var base: String?

  @Option(help: ArgumentHelp("The network's number, nnpfc_id.", valueName: "n"))
  var id = 0

  @Option(
    help: ArgumentHelp(
      "What it is for, nnpfc_purpose: 1 better pictures, 0 something the application knows.",
      valueName: "n"))
  var purpose = 1

  @Option(help: "Where the quantizers travel: sei, or aps (VVC only).")
  var carrier = SignalCarrier.sei

  @Flag(
    inversion: .prefixedNo,
    help: "Add the message that applies the network to this picture and those that follow.")
  var activate = true

  @Option(
    help: ArgumentHelp(
      "Name this place of the tensors instead of sending them; needs --tensors.", valueName: "uri"))
  var uri: String?

  @Option(
    help: ArgumentHelp("The tag URI of the tensors' format, with --uri.", valueName: "uri"))
  var tag = "tag:iso.org,2022:15938-17"

  @Option(
    help: ArgumentHelp(
      "Write the tensors, a stream of ISO/IEC 15938-17, to this file as well.", valueName: "file"),
    completion: .file())
  var tensors: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Send the operators with a base, so that decoders need no model.")
  var topology = true

  @Option(help: "What samples are to the network: real, from 0 to 1, or integer, from 0 to 255.")
  var samples = SampleFormat.real

  @Option(
    help: ArgumentHelp(
      "The MD5 of the first picture that the network is applied to, filtered, 32 hexadecimal digits: what "
        + "'qtool signal filter' says.", valueName: "md5"))
  var pictureHash: String?

  func validate() throws {
    guard PostFilterCharacteristics.isUsable(identifier: id) else {
      throw ValidationError("--id \(id) is not within 0...255 or 512...2147483647.")
    }
    guard (0...1).contains(purpose) else {
      throw ValidationError("--purpose \(purpose) is not 0 or 1.")
    }
    guard uri == nil || tensors != nil else {
      throw ValidationError("--uri needs --tensors: the file to put at that place.")
    }
    guard pictureHash == nil || pictureHash.flatMap(Self.bytes(ofHexadecimal:))?.count == 16 else {
      throw ValidationError("--picture-hash is not 32 hexadecimal digits.")
    }
  }

  /// The messages of `model`, and its tensors as a stream.
  func messages(of model: String) throws -> (messages: SignalMessages, tensors: [UInt8]) {
    let graph = try ONNXReader.read(path: model)
    let baseGraph = try base.map { try ONNXReader.read(path: $0) }
    let settings = SignalSettings(
      networkID: id, purpose: purpose,
      activation: activate ? PostFilterActivation(target: id) : nil,
      pictureHash: pictureHash.flatMap(Self.bytes(ofHexadecimal:)), carriesTopology: topology,
      samples: samples.format)
    if let base, let baseGraph {
      do {
        _ = try baseGraph.signalledTopologyChecksum()
      } catch {
        throw error.located(in: base)
      }
    }
    var messages: SignalMessages
    do {
      messages = try SignalMessages(of: graph, updating: baseGraph, settings)
    } catch let error as GraphError {
      throw error.located(in: model)
    }
    guard case .stream(let stream) = messages.characteristics.payload else {
      preconditionFailure("messages were made without tensors")
    }
    if let uri { messages.characteristics.payload = .uri(tag: tag, uri: uri) }
    return (messages, stream)
  }

  /// Throws when a file that is to be written could not be, or the codec has no such carrier.
  func check(_ codec: VideoCodec?, overwrite: Bool) throws {
    if let tensors { try AtomicFile.check(tensors, overwrite: overwrite) }
    if carrier == .aps, codec == .hevc {
      throw UsageError("--carrier aps: HEVC has no adaptation parameter sets")
    }
  }

  private static func bytes(ofHexadecimal text: String) -> [UInt8]? {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == text.count, text.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }
}

extension VideoCodec: ExpressibleByArgument {}
extension SignalCarrier: ExpressibleByArgument {}

/// What samples of pictures are to a network.
enum SampleFormat: String, ExpressibleByArgument, CaseIterable {
  case real
  case integer
}

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
  static func receive(_ stream: ByteStream, path: String) throws -> SignalReceiver {
    try inside(path) { () throws(BitstreamError) in try SignalReceiver(stream) }
  }
}
