public import Bitstream

/// Which network is applied to which picture, as a stream says.
public struct SignalTimeline: Sendable {
  /// What holds from a picture on.
  struct Change: Sendable {
    /// The picture before which messages stand, in decoding order.
    var picture: Int
    /// All networks received so far.
    var networks: [Int: ReceivedNetwork]
    /// The networks that are other ones than before.
    var renewed: Set<Int>
    /// The networks that are activated there.
    var activated: Set<Int>
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
  /// - Throws: ``Bitstream/BitstreamError`` naming NAL unit, message and syntax element.
  public init(
    _ stream: ByteStream, keepsOrder: Bool = false, limit: Int = CompressedNetwork.largestNetwork
  ) throws(BitstreamError) {
    let places = stream.picturePlaces
    var receiver = SignalReceiver(limit: limit)
    var changes: [Change] = []
    var next = 0
    for unit in stream.signalUnits {
      while next < places.count, places[next].position <= unit.start { next += 1 }
      let before = receiver
      try receiver.receive(unit, of: stream)
      if next < places.count, next > 0, !places[next].isRandomAccess, !keepsOrder {
        throw BitstreamError(
          byte: unit.start, element: "nal_unit_header",
          "a message stands before picture \(next), at which decoding cannot begin: it is not known "
            + "which picture of the output that is")
      }
      if next > 0, !keepsOrder, next + 1 < places.count,
        stream.codec.isLeading(places[next + 1].slice.type)
      {
        throw BitstreamError(
          byte: unit.start, element: "nal_unit_header",
          "a message stands before picture \(next), behind which leading pictures follow: it is not known "
            + "which picture of the output is the first that it is for")
      }
      guard next < max(places.count, 1) else {
        throw BitstreamError(
          byte: unit.start, element: "nal_unit_header", "no picture follows a message")
      }
      if changes.last?.picture != next {
        changes.append(Change(picture: next, networks: [:], renewed: [], activated: []))
      }
      let last = changes.count - 1
      changes[last].networks = receiver.networks
      for (identifier, network) in receiver.networks {
        let old = before.networks[identifier]
        if old?.base != network.base || old?.update != network.update {
          changes[last].renewed.insert(identifier)
        }
        if before.activations[identifier] != receiver.activations[identifier] {
          changes[last].activated.insert(identifier)
        }
      }
    }
    try receiver.finish()
    pictureCount = places.count
    identifiers = receiver.networks.keys.sorted()
    self.changes = changes
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
