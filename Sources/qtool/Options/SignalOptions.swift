import ArgumentParser
import Files
import LowBit
import Signalling

/// What `signal encode` and `signal mux` write.
struct SignalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write an update of this model: only what differs.", valueName: "model"),
    completion: .file(extensions: ["onnx"]))
  var base: String?

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

  @Option(
    help: ArgumentHelp(
      "The MD5 of the first picture that the network is applied to, filtered, 32 hexadecimal digits: what "
        + "'qtool signal filter' says.", valueName: "md5"))
  var pictureHash: String?

  func validate() throws {
    guard uri == nil || tensors != nil else {
      throw ValidationError("--uri needs --tensors: the file to put at that place.")
    }
    guard pictureHash == nil || pictureHash.flatMap(Self.bytes(ofHexadecimal:))?.count == 16 else {
      throw ValidationError("--picture-hash is not 32 hexadecimal digits.")
    }
  }

  /// The messages of `model`, and its tensors as a stream.
  func messages(
    of model: String, _ options: MessageOptions
  ) throws -> (messages: SignalMessages, tensors: [UInt8]) {
    let graph = try ONNXReader.read(path: model)
    let baseGraph = try base.map { try ONNXReader.read(path: $0) }
    var settings = options.settings
    settings.pictureHash = pictureHash.flatMap(Self.bytes(ofHexadecimal:))
    settings.carriesTopology = topology
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

  /// Throws when a file that is to be written could not be.
  func check(overwrite: Bool) throws {
    if let tensors { try AtomicFile.check(tensors, overwrite: overwrite) }
  }

  private static func bytes(ofHexadecimal text: String) -> [UInt8]? {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == text.count, text.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }
}
