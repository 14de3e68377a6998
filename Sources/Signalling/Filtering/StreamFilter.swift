import Bitstream
import Checksums
public import Graph
public import Operations
public import Video

/// Filters a stream's pictures in the order of output by the networks that the stream holds.
///
/// It knows nothing but the stream and the decoded pictures, but for numbers and operators that messages
/// name and do not hold.
public struct StreamFilter<B: Backend> {
  /// What became of a picture.
  public struct Outcome: Sendable, Hashable {
    /// The picture, filtered where a network is active.
    public var picture: Picture
    /// Whether base, update or nothing was applied.
    public var applied: Part?
    /// The MD5 of all its samples: luma, Cb, Cr, row by row.
    public var hash: [UInt8]
    /// Whether the stream states the hash; it is the stated one then.
    public var isVerified: Bool
  }

  /// Which numbers were applied.
  public enum Part: String, Sendable, Hashable {
    case base
    case update
  }

  private let timeline: SignalTimeline
  private let identifier: Int
  private let backend: B
  private let rebuild: (ReceivedNetwork) throws -> Graph
  private var prepared: (network: ReceivedNetwork, filter: PictureFilter<B>)?

  /// A filter of pictures.
  ///
  /// - Parameters:
  ///   - timeline: What the stream says.
  ///   - identifier: The network's number.
  ///   - backend: Where it runs.
  ///   - rebuild: Makes a network's graph.
  public init(
    _ timeline: SignalTimeline, network identifier: Int, on backend: B,
    rebuild: @escaping (ReceivedNetwork) throws -> Graph = { try $0.rebuilt() }
  ) {
    self.timeline = timeline
    self.identifier = identifier
    self.backend = backend
    self.rebuild = rebuild
  }

  /// Filters a picture.
  ///
  /// - Parameters:
  ///   - picture: The decoded picture.
  ///   - number: Its number in the order of output.
  /// - Throws: `BitstreamError` where the messages are wrong or the picture's hash is not the stated one;
  ///   `GraphError` for networks that do not filter pictures.
  public mutating func filter(_ picture: Picture, number: Int) throws -> Outcome {
    guard let applied = timeline.applied(to: number, of: identifier) else {
      return Outcome(picture: picture, hash: MD5.digest(of: picture.samples), isVerified: false)
    }
    let result = try filter(for: applied.network).filtered(picture)
    let hash = MD5.digest(of: result.samples)
    if let stated = applied.pictureHash, stated != hash {
      throw BitstreamError(
        byte: 0, element: "nnq_picture_md5",
        "picture \(number) has the MD5 \(SHA256.hexadecimal(hash)) when it is filtered, the message states "
          + SHA256.hexadecimal(stated))
    }
    return Outcome(
      picture: result, applied: applied.network.update == nil ? .base : .update, hash: hash,
      isVerified: applied.pictureHash != nil)
  }

  private mutating func filter(for network: ReceivedNetwork) throws -> PictureFilter<B> {
    if let prepared, prepared.network.hasSameNumbers(as: network) { return prepared.filter }
    let graph = try rebuild(network)
    guard let property = network.base.characteristics.property else {
      throw BitstreamError(
        byte: 0, element: "nnpfc_property_present_flag", "a base without properties")
    }
    let filter = try PictureFilter(graph, property, on: backend)
    prepared = (network, filter)
    return filter
  }
}

extension ReceivedNetwork {
  fileprivate func hasSameNumbers(as other: ReceivedNetwork) -> Bool {
    base == other.base && update == other.update
  }
}
