import ArgumentParser
import Bitstream
import Files
import Signalling

/// Files with the tensors that messages name by a URI.
struct LocatedTensorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The tensors of a network whose messages name a URI, a stream of ISO/IEC 15938-17; where they name "
        + "several, URI=FILE, once for each.", valueName: "file"), completion: .file())
  var tensors: [String] = []

  /// The streams in the files by the URI that `stream`, read from `path`, names them by.
  ///
  /// - Throws: `UsageError` where a file belongs to no URI or it is not known to which;
  ///   `BitstreamError` naming a file that holds no such stream.
  func read(for stream: ByteStream, path: String) throws -> [String: [UInt8]] {
    guard !tensors.isEmpty else { return [:] }
    let uris = try SignalStream.receive(stream, path: path).uris
    guard !uris.isEmpty else {
      throw UsageError("--tensors \(tensors[0]): no message in '\(path)' names a URI of tensors")
    }
    var located: [String: [UInt8]] = [:]
    for argument in tensors {
      let (uri, file) = try split(argument, uris, path)
      guard located[uri] == nil else {
        throw UsageError("--tensors \(argument): '\(uri)' has a file already")
      }
      let bytes = try WholeFile.read(file, limit: 1 << 32)
      try inside(file) { () throws(BitstreamError) in
        _ = try CompressedNetwork.decode(bytes)
      }
      located[uri] = bytes
    }
    return located
  }

  private func split(
    _ argument: String, _ uris: Set<String>, _ path: String
  ) throws -> (uri: String, file: String) {
    // URIs and paths may hold any number of equals signs.
    let named = uris.filter { argument.hasPrefix("\($0)=") }.max { $0.count < $1.count }
    if let named { return (named, String(argument.dropFirst(named.count + 1))) }
    guard uris.count == 1, let only = uris.first else {
      throw UsageError(
        "--tensors \(argument): '\(path)' names the URIs \(uris.sorted().joined(separator: ", ")); "
          + "URI=FILE says which one the file is for")
    }
    return (only, argument)
  }
}
