public import ArgumentParser
public import Bitstream
import LowBit
public import Signalling

/// What all messages of a network say, wherever they are written or only charged.
struct MessageOptions: ParsableArguments {
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

  @Option(help: "What samples are to the network: real, from 0 to 1, or integer, from 0 to 255.")
  var samples = SampleFormat.real

  func validate() throws {
    guard PostFilterCharacteristics.isUsable(identifier: id) else {
      throw ValidationError("--id \(id) is not within 0...255 or 512...2147483647.")
    }
    guard (0...1).contains(purpose) else {
      throw ValidationError("--purpose \(purpose) is not 0 or 1.")
    }
  }

  /// Throws where the codec has no such carrier.
  func check(_ codec: VideoCodec?) throws {
    if carrier == .aps, codec == .hevc {
      throw UsageError("--carrier aps: HEVC has no adaptation parameter sets")
    }
  }

  /// What messages say.
  var settings: SignalSettings {
    SignalSettings(
      networkID: id, purpose: purpose,
      activation: activate ? PostFilterActivation(target: id) : nil, samples: samples.format)
  }
}

/// In which stream messages will stand that are charged before they are written.
struct MessageCostOptions: ParsableArguments {
  @Option(help: "The codec of the stream that messages are for: hevc or vvc.")
  var codec = VideoCodec.hevc

  @Flag(
    inversion: .prefixedNo,
    help:
      "Messages will state the MD5 of the first filtered picture (--picture-hash of 'signal mux').")
  var hash = false

  /// The form in which `messages` are charged.
  func form(_ messages: MessageOptions) throws -> MessageForm {
    try messages.check(codec)
    return MessageForm(
      messages.settings, codec: codec, carrier: messages.carrier, statesPictureHash: hash)
  }
}

extension VideoCodec: ExpressibleByArgument {}
extension SignalCarrier: ExpressibleByArgument {}

/// What samples of pictures are to a network.
enum SampleFormat: String, ExpressibleByArgument, CaseIterable {
  case real
  case integer
}

extension SampleFormat {
  /// The samples in messages.
  var format: PostFilterProperty.Format { self == .real ? .real : .integer(bits: 8) }
}
