/// A video coding standard, as far as its NAL units matter here.
public enum VideoCodec: String, Sendable, CaseIterable {
  /// ITU-T H.265, ISO/IEC 23008-2.
  case hevc
  /// ITU-T H.266, ISO/IEC 23090-3.
  case vvc
}

/// The two bytes that a NAL unit begins with.
public struct NALHeader: Sendable, Hashable {
  /// nal_unit_type.
  public var type: Int
  /// nuh_layer_id.
  public var layer: Int
  /// nuh_temporal_id_plus1 less 1.
  public var temporalID: Int

  /// A header.
  public init(type: Int, layer: Int = 0, temporalID: Int = 0) {
    self.type = type
    self.layer = layer
    self.temporalID = temporalID
  }

  /// Reads a header.
  public init(
    _ bytes: some Collection<UInt8>, _ codec: VideoCodec
  ) throws(BitstreamError) {
    var reader = BitReader(Array(bytes.prefix(2)))
    guard try !reader.flag("forbidden_zero_bit") else {
      throw BitstreamError(byte: 0, element: "forbidden_zero_bit", "is 1")
    }
    switch codec {
    case .hevc:
      type = try reader.unsigned(6, "nal_unit_type")
      layer = try reader.unsigned(6, "nuh_layer_id")
    case .vvc:
      guard try !reader.flag("nuh_reserved_zero_bit") else {
        throw BitstreamError(byte: 0, element: "nuh_reserved_zero_bit", "is 1")
      }
      layer = try reader.unsigned(6, "nuh_layer_id")
      type = try reader.unsigned(5, "nal_unit_type")
    }
    let next = try reader.unsigned(3, "nuh_temporal_id_plus1")
    guard next > 0 else {
      throw BitstreamError(byte: 1, element: "nuh_temporal_id_plus1", "is 0")
    }
    temporalID = next - 1
  }

  /// The two bytes.
  public func bytes(_ codec: VideoCodec) -> [UInt8] {
    var writer = BitWriter()
    switch codec {
    case .hevc:
      writer.unsigned(1, 0)
      writer.unsigned(6, type)
      writer.unsigned(6, layer)
    case .vvc:
      writer.unsigned(2, 0)
      writer.unsigned(6, layer)
      writer.unsigned(5, type)
    }
    writer.unsigned(3, temporalID + 1)
    return writer.bytes
  }
}

extension VideoCodec {
  /// PREFIX_SEI_NUT.
  public var prefixSEI: Int { self == .hevc ? 39 : 23 }

  /// PREFIX_APS_NUT; HEVC has none.
  public var prefixAPS: Int? { self == .hevc ? nil : 17 }

  /// PH_NUT, the picture header; HEVC has none.
  var pictureHeader: Int? { self == .hevc ? nil : 19 }

  /// EOS_NUT, the end of a layer's sequence.
  var endOfSequence: Int { self == .hevc ? 36 : 21 }

  /// EOB_NUT, the end of the bitstream.
  var endOfBitstream: Int { self == .hevc ? 37 : 22 }

  /// Whether a NAL unit holds a part of a picture.
  public func isVCL(_ type: Int) -> Bool { type < (self == .hevc ? 32 : 12) }

  /// Whether a picture of this type may be put out in front of the random access picture that it follows:
  /// RADL and RASL pictures.
  public func isLeading(_ type: Int) -> Bool {
    self == .hevc ? (6...9).contains(type) : (2...3).contains(type)
  }

  /// Whether decoding can begin with a picture of this type.
  public func isRandomAccess(_ type: Int) -> Bool {
    self == .hevc ? (16...23).contains(type) : (7...10).contains(type)
  }

  /// Whether a picture of this type begins a coded layer video sequence wherever it stands: BLA and IDR
  /// pictures.
  func beginsSequence(_ type: Int) -> Bool {
    self == .hevc ? (16...20).contains(type) : (7...8).contains(type)
  }

  /// The name of a NAL unit's type, for messages.
  public func name(of type: Int) -> String {
    if isVCL(type) { return isRandomAccess(type) ? "IRAP" : "VCL" }
    let names: [Int: String] =
      self == .hevc
      ? [
        32: "VPS", 33: "SPS", 34: "PPS", 35: "AUD", 36: "EOS", 37: "EOB", 38: "FD",
        39: "PREFIX_SEI", 40: "SUFFIX_SEI",
      ]
      : [
        12: "OPI", 13: "DCI", 14: "VPS", 15: "SPS", 16: "PPS", 17: "PREFIX_APS", 18: "SUFFIX_APS",
        19: "PH", 20: "AUD", 21: "EOS", 22: "EOB", 23: "PREFIX_SEI", 24: "SUFFIX_SEI", 25: "FD",
      ]
    return names[type] ?? "type \(type)"
  }
}
