public import Bitstream
import Checksums
public import Graph
public import Video

/// In which form a network's messages are written, so that what they cost is what they take.
public struct MessageForm: Sendable {
  /// What they say beside what the graph says; the picture's hash is found where it is stated.
  public var settings: SignalSettings
  /// The codec of their stream.
  public var codec: VideoCodec
  /// Where the quantizers travel.
  public var carrier: SignalCarrier
  /// Whether they state the MD5 of the first picture that the network filters.
  public var statesPictureHash: Bool

  /// A form: as `qtool signal mux` writes messages where nothing else is asked for.
  ///
  /// - Precondition: `carrier` exists in `codec`.
  public init(
    _ settings: SignalSettings = SignalSettings(activation: PostFilterActivation(target: 0)),
    codec: VideoCodec = .hevc, carrier: SignalCarrier = .sei, statesPictureHash: Bool = false
  ) {
    self.settings = settings
    self.codec = codec
    self.carrier = carrier
    self.statesPictureHash = statesPictureHash
  }

  /// The NAL units of a network.
  ///
  /// - Parameters:
  ///   - graph: The network.
  ///   - base: The network that it is an update of; `nil` for a base.
  ///   - picture: The first picture that it filters, filtered.
  /// - Throws: What ``SignalMessages/init(of:updating:_:)`` throws.
  public func units(of graph: Graph, updating base: Graph? = nil, first picture: Picture) throws
    -> [UInt8]
  {
    var settings = settings
    if statesPictureHash { settings.pictureHash = MD5.digest(of: picture.samples) }
    return try SignalMessages(of: graph, updating: base, settings).units(codec, carrier: carrier)
  }
}
