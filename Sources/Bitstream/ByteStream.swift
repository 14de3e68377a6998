/// A byte stream of NAL units with start codes between them: Annex B of ITU-T H.265 and H.266.
public struct ByteStream: Sendable {
  /// A NAL unit in the stream.
  public struct Unit: Sendable, Hashable {
    /// Where its start code begins, a zero byte before it included.
    public var start: Int
    /// Its bytes from the header on, still with emulation prevention.
    public var payload: Range<Int>
    /// Its header.
    public var header: NALHeader
  }

  /// The stream.
  public let bytes: [UInt8]
  /// What the NAL units are read as.
  public let codec: VideoCodec
  /// The NAL units.
  public let units: [Unit]

  /// Splits a stream.
  ///
  /// - Parameters:
  ///   - bytes: The stream, with start codes (Annex B).
  ///   - codec: `nil` to tell by the first NAL unit: its first byte is 0 in VVC, and its type in HEVC.
  /// - Throws: ``BitstreamError`` when the bytes begin with no start code or a header is broken.
  public init(_ bytes: [UInt8], codec: VideoCodec? = nil) throws(BitstreamError) {
    self.bytes = bytes
    let found = Self.payloads(in: bytes)
    guard let first = found.first,
      bytes[..<max(first.payload.lowerBound - 1, 0)].allSatisfy({ $0 == 0 })
    else {
      throw BitstreamError(
        byte: 0, element: "start_code_prefix_one_3bytes",
        "the data do not begin with a start code")
    }
    let codec = codec ?? (bytes[first.payload].first == 0 ? .vvc : .hevc)
    self.codec = codec
    var units: [Unit] = []
    units.reserveCapacity(found.count)
    for (start, payload) in found {
      let header = try inside("NAL unit at byte \(start)") { () throws(BitstreamError) in
        try NALHeader(bytes[payload], codec)
      }
      units.append(Unit(start: start, payload: payload, header: header))
    }
    self.units = units
  }

  /// Start codes and what lies between them, without zeros at the end.
  private static func payloads(in bytes: [UInt8]) -> [(start: Int, payload: Range<Int>)] {
    var found: [(start: Int, payload: Range<Int>)] = []
    var zeros = 0
    var begin: (start: Int, first: Int)?
    func close(at end: Int) {
      guard let (start, first) = begin else { return }
      var last = end
      while last > first, bytes[last - 1] == 0 { last -= 1 }
      found.append((start, first..<last))
    }
    for (position, byte) in bytes.enumerated() {
      if byte == 1, zeros >= 2 {
        close(at: position - zeros)
        begin = (position - min(zeros, 3), position + 1)
      }
      zeros = byte == 0 ? zeros + 1 : 0
    }
    close(at: bytes.count)
    return found
  }
}

extension ByteStream {
  /// The raw byte sequence payload of a NAL unit: what follows its header, without emulation
  /// prevention.
  public func rawPayload(of unit: Unit) throws(BitstreamError) -> [UInt8] {
    let bytes = bytes[unit.payload.dropFirst(2)]
    return try inside("NAL unit at byte \(unit.start)") { () throws(BitstreamError) in
      try EmulationPrevention.removed(from: bytes)
    }
  }

  /// A NAL unit with its start code, four bytes long.
  public static func unit(
    _ header: NALHeader, rawPayload: [UInt8], _ codec: VideoCodec
  ) -> [UInt8] {
    [0, 0, 0, 1] + header.bytes(codec) + EmulationPrevention.inserted(into: rawPayload)
  }

  /// Where units that belong before a picture can be inserted: behind all else that precedes its
  /// header or first slice, one place for each picture.
  ///
  /// - Returns: Positions directly behind the NAL unit before, so that inserted units can be cut out
  ///   again without a trace.
  public var picturePlaces: [PicturePlace] {
    var places: [PicturePlace] = []
    // Layers whose sequences go on.
    var open: Set<Int> = []
    for (number, unit) in units.enumerated() {
      if unit.header.type == codec.endOfSequence { open.remove(unit.header.layer) }
      if unit.header.type == codec.endOfBitstream { open.removeAll() }
      guard beginsPicture(unit) else { continue }
      let position = number == 0 ? 0 : units[number - 1].payload.upperBound
      // A picture header that no slice follows, in a stream that is cut off, stands for it.
      let slice = units[number...].first { codec.isVCL($0.header.type) }?.header ?? unit.header
      let isFirst = open.insert(slice.layer).inserted
      places.append(
        PicturePlace(
          position: position, slice: slice, isRandomAccess: codec.isRandomAccess(slice.type),
          beginsSequence: isFirst || codec.beginsSequence(slice.type)))
    }
    return places
  }

  /// A picture of a stream.
  public struct PicturePlace: Sendable, Hashable {
    /// Where units that belong before it can be inserted.
    public var position: Int
    /// The header of its first slice.
    public var slice: NALHeader
    /// Whether decoding can begin with it.
    public var isRandomAccess: Bool
    /// Whether a coded layer video sequence begins with it: IDR and BLA pictures, and the first one of its
    /// layer in the stream or behind an end of sequence (H.265, clause 3.30; H.266, clause 3.21).
    public var beginsSequence: Bool
  }

  /// Whether a unit is the first one of a picture that holds coded data.
  private func beginsPicture(_ unit: Unit) -> Bool {
    if unit.header.type == codec.pictureHeader { return true }
    guard codec.isVCL(unit.header.type), unit.payload.count > 2 else { return false }
    // first_slice_segment_in_pic_flag; sh_picture_header_in_slice_header_flag
    return bytes[unit.payload.lowerBound + 2] & 0x80 != 0
  }
}
