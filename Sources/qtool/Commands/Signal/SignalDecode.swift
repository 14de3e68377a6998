import ArgumentParser
import Bitstream
import Files
import LowBit
import Signalling

/// `qtool signal decode`
struct SignalDecode: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Rebuild quantizers and codes of a network from a bitstream.",
    discussion: examples(
      "qtool signal decode signalled.hevc --json",
      "qtool signal decode signalled.hevc -o received.onnx",
      "qtool signal decode signalled.hevc --base topology.onnx -o received.onnx",
      "qtool signal decode signalled.hevc --tensors filter.nnr -o received.onnx")
      + "\n\nA model is built from the stream alone where its base carries the operators, with names of "
      + "its own; with --base, from that model's operators, attributes and other constants, and of what is "
      + "signalled only types and shapes.")

  @Argument(help: "The byte stream.", completion: .file())
  var stream: String

  @Option(
    help: ArgumentHelp("A model with the network's operators and shapes.", valueName: "model"),
    completion: .file(extensions: ["onnx"]))
  var base: String?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The ONNX model to write.", valueName: "file"),
    completion: .file(extensions: ["onnx"]))
  var output: String?

  @Flag(inversion: .prefixedNo, help: "Replace the file where it exists.")
  var overwrite = false

  @Option(help: ArgumentHelp("The network's number, nnpfc_id; else the only one.", valueName: "n"))
  var id: Int?

  @OptionGroup var located: LocatedTensorOptions

  @Option(help: "The stream's codec, hevc or vvc; else as its first NAL unit says.")
  var codec: VideoCodec?

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.begin(self)
    if let output { try AtomicFile.check(output, overwrite: overwrite) }
    let bytes = try SignalStream.read(stream, codec: codec)
    let located = try located.read(for: bytes, path: stream)
    let network = try chosen(
      try SignalStream.receive(bytes, path: stream, tensorsAt: located).networks)
    if base != nil || output != nil { try rebuild(network) }
    let report = NetworkReport(network, showsValues: true)
    try common.emit(report) { report.text }
  }

  private func chosen(_ networks: [Int: ReceivedNetwork]) throws -> ReceivedNetwork {
    let chosen = try SignalStream.identifier(id, of: Array(networks.keys), path: stream)
    guard let network = networks[chosen] else { preconditionFailure("network \(chosen) is gone") }
    return network
  }

  private func rebuild(_ network: ReceivedNetwork) throws {
    let graph = try SignalStream.graph(of: network, in: stream, on: base)
    guard let output, !common.dryRun else { return }
    try ONNXWriter.write(
      graph, to: output, irVersion: QuantizedModel.irVersion(opset: graph.opsets[""] ?? 13),
      overwrite: overwrite)
    Console.shared.note("written: \(output)")
  }
}
