public import Bitstream

/// Which network is applied to which picture, as a stream says: messages hold from the picture on that they
/// stand before, and end with their coded layer video sequence (H.274, clauses 8.28.1 and 8.28.2).
public struct SignalTimeline: Sendable {
  /// What holds from a picture on.
  struct Change: Sendable {
    /// The picture before which messages stand, in decoding order.
    var picture: Int
    /// All networks of the sequences that the picture is in.
    var networks: [Int: ReceivedNetwork]
    /// The networks that are other ones than before.
    var renewed: Set<Int>
    /// The networks that are activated there.
    var activated: Set<Int>

    /// Takes in what a unit brought.
    mutating func note(_ receiver: SignalReceiver, before: SignalReceiver) {
      networks = receiver.current
      for (identifier, network) in networks {
        let old = before.current[identifier]
        if old?.base != network.base || old?.update != network.update { renewed.insert(identifier) }
        if before.activations[identifier] != receiver.activations[identifier] {
          activated.insert(identifier)
        }
      }
    }
  }

  /// A network that is applied to a picture.
  public struct Applied: Sendable, Hashable {
    /// The network, without its update where the base is applied.
    public var network: ReceivedNetwork
    /// The MD5 that the picture must have once it is filtered; `nil` where none is stated for it.
    public var pictureHash: [UInt8]?
  }

  /// The number of pictures in the stream; 0 for messages alone.
  public let pictureCount: Int
  /// Numbers of the networks.
  public let identifiers: [Int]

  private let changes: [Change]

  /// Reads all our messages of a stream.
  ///
  /// Decoders put pictures out in another order than they decode them. The pictures in front of one at
  /// which decoding can begin are the same in both orders, unless pictures that are decoded behind it are
  /// put out in front of it (leading pictures); others are not known to be. A message before another
  /// picture needs `keepsOrder`.
  ///
  /// - Parameters:
  ///   - stream: The stream.
  ///   - keepsOrder: Whether pictures are put out in the order in which they are decoded.
  ///   - limit: See ``SignalReceiver``.
  ///   - located: See ``SignalReceiver``.
  /// - Throws: ``Bitstream/BitstreamError`` naming NAL unit, message and syntax element.
  public init(
    _ stream: ByteStream, keepsOrder: Bool = false, limit: Int = CompressedNetwork.largestNetwork,
    tensorsAt located: [String: [UInt8]] = [:]
  ) throws(BitstreamError) {
    let places = stream.picturePlaces
    var receiver = SignalReceiver(limit: limit, tensorsAt: located)
    var changes: [Change] = []
    for step in stream.signalSteps(places) {
      let before = receiver
      switch step {
      case .sequence(let picture, let layer):
        try receiver.beginSequence(of: layer)
        if receiver.current.count < before.current.count {
          changes.append(
            Change(picture: picture, networks: receiver.current, renewed: [], activated: []))
        }
      case .unit(let unit, let picture):
        try receiver.receive(unit, of: stream)
        try Self.requireKnownPlace(of: unit, before: picture, places, stream.codec, keepsOrder)
        if changes.last?.picture != picture {
          changes.append(Change(picture: picture, networks: [:], renewed: [], activated: []))
        }
        changes[changes.count - 1].note(receiver, before: before)
      }
    }
    try receiver.finish()
    pictureCount = places.count
    identifiers = receiver.networks.keys.sorted()
    self.changes = changes
  }

  /// Throws where it is not known which picture of the output a unit is for.
  private static func requireKnownPlace(
    of unit: ByteStream.Unit, before next: Int, _ places: [ByteStream.PicturePlace],
    _ codec: VideoCodec, _ keepsOrder: Bool
  ) throws(BitstreamError) {
    func refusal(_ reason: String) -> BitstreamError {
      BitstreamError(byte: unit.start, element: "nal_unit_header", reason)
    }
    guard next < max(places.count, 1) else { throw refusal("no picture follows a message") }
    guard next > 0, !keepsOrder else { return }
    guard places[next].isRandomAccess else {
      throw refusal(
        "a message stands before picture \(next), at which decoding cannot begin: it is not known "
          + "which picture of the output that is")
    }
    guard next + 1 == places.count || !codec.isLeading(places[next + 1].slice.type) else {
      throw refusal(
        "a message stands before picture \(next), behind which leading pictures follow: it is not known "
          + "which picture of the output is the first that it is for")
    }
  }

  /// What is applied to a picture.
  ///
  /// - Parameters:
  ///   - picture: The picture's number in the order of output.
  ///   - identifier: The network's number.
  /// - Returns: `nil` where the network is not there yet or is not active.
  public func applied(to picture: Int, of identifier: Int) -> Applied? {
    guard let change = changes.last(where: { $0.picture <= picture }),
      var network = change.networks[identifier], let activation = network.activation
    else { return nil }
    let isFirst = change.picture == picture
    guard !activation.cancels,
      activation.persists || isFirst && change.activated.contains(identifier)
    else { return nil }
    if activation.targetsBase { network.update = nil }
    let hash = (network.update ?? network.base).quantizers.pictureHash
    let isStated = isFirst && change.renewed.contains(identifier)
    return Applied(network: network, pictureHash: isStated ? hash : nil)
  }
}
