public import Bitstream

/// A stream of ISO/IEC 15938-17 (compression of neural networks) that holds tensors of integers.
///
/// Of the standard's first profile this is the part that integers need: a start unit, a model
/// parameter set, a topology unit, and a data unit for each tensor, coded by DeepCABAC. The topology is of
/// a format that the standard does not know (0), as a text: ``NetworkTopology`` in base64, or nothing.
/// Other units and payloads are errors that name them.
public enum CompressedNetwork {
  /// The most elements that the tensors of a stream may have together, and those of all networks that a
  /// ``SignalReceiver`` holds.
  public static let largestNetwork = 1 << 28

  /// The most dimensions of a tensor.
  static let mostDimensions = 8

  /// What a stream holds.
  public struct Content: Sendable, Hashable {
    /// The tensors.
    public var tensors: [CodedTensor]
    /// What ``NetworkTopology`` wrote; `nil` where the topology is of another format or is not there.
    public var topology: [UInt8]?
  }

  /// The stream of `tensors`.
  ///
  /// - Parameters:
  ///   - tensors: The tensors, with names of their own.
  ///   - topology: What ``NetworkTopology`` wrote; `nil` where decoders know the topology.
  public static func encode(_ tensors: [CodedTensor], topology: [UInt8]? = nil) -> [UInt8] {
    let parts = [startUnit, parameterSet, topologyUnit(topology)] + tensors.map(dataUnit)
    return parts.flatMap(unit)
  }

  /// The tensors of a stream; see ``content(of:limit:)``.
  public static func decode(
    _ bytes: [UInt8], limit: Int = largestNetwork
  ) throws(BitstreamError) -> [CodedTensor] {
    try content(of: bytes, limit: limit).tensors
  }

  /// What a stream holds.
  ///
  /// - Parameters:
  ///   - bytes: The stream's units, one behind the other.
  ///   - limit: The most elements that they may have together.
  /// - Throws: ``Bitstream/BitstreamError`` naming the unit's place and syntax element.
  public static func content(
    of bytes: [UInt8], limit: Int = largestNetwork
  ) throws(BitstreamError) -> Content {
    var reader = BitReader(bytes)
    var decoder = UnitDecoder(limit: limit)
    while reader.remaining > 0 {
      let start = reader.byte
      try inside("NNR unit at byte \(start)") { () throws(BitstreamError) in
        let isLong = try reader.flag("nnr_unit_size_flag")
        let size: Int
        if isLong {
          let high = try reader.unsigned(15, "nnr_unit_size")
          size = high << 16 | (try reader.unsigned(16, "nnr_unit_size"))
        } else {
          size = try reader.unsigned(15, "nnr_unit_size")
        }
        guard size > (isLong ? 4 : 2) else {
          throw reader.error("nnr_unit_size", "\(size) bytes are too few for a unit")
        }
        try decoder.decode(try reader.bytes(size - (isLong ? 4 : 2), "nnr_unit_size"))
      }
    }
    return try decoder.finish()
  }

  /// Whether bytes begin with the size and the type of a start unit, which no byte stream of NAL units
  /// does.
  public static func isStream(_ bytes: [UInt8]) -> Bool {
    var reader = BitReader(Array(bytes.prefix(5)))
    do {
      let isLong = try reader.flag("nnr_unit_size_flag")
      let size = try reader.unsigned(isLong ? 31 : 15, "nnr_unit_size") - (isLong ? 4 : 2)
      // Its type and flags, perhaps a counter of parts, and a profile.
      return try (2...3).contains(size)
        && reader.unsigned(6, "nnr_unit_type") == UnitType.start.rawValue
    } catch {
      return false
    }
  }

  // MARK: Writing

  /// A unit with its size in front, which counts itself.
  private static func unit(_ content: [UInt8]) -> [UInt8] {
    var writer = BitWriter()
    let isLong = content.count + 2 >= 1 << 15
    writer.flag(isLong)
    if isLong {
      writer.unsigned(31, content.count + 4)
    } else {
      writer.unsigned(15, content.count + 2)
    }
    return writer.bytes + content
  }

  /// nnr_unit_type, independently_decodable_flag, partial_data_counter_present_flag.
  private static func header(_ type: UnitType) -> BitWriter {
    var writer = BitWriter()
    writer.unsigned(6, type.rawValue)
    writer.flag(true)
    writer.flag(false)
    return writer
  }

  private static var startUnit: [UInt8] {
    var writer = header(.start)
    // general_profile_idc
    writer.unsigned(8, 0)
    return writer.bytes
  }

  private static var parameterSet: [UInt8] {
    var writer = header(.modelParameterSet)
    // topology_carriage_flag, and four flags of what is not used
    writer.unsigned(5, 0b10000)
    // mps_quantization_method_flags: uniform; integers use neither it nor what follows from it, but
    // readers want a method to be named.
    writer.unsigned(3, 1)
    // mps_topology_indexed_reference_flag, nnr_reserved_zero_7bits
    writer.unsigned(8, 0)
    // mps_qp_density, mps_quantization_parameter
    writer.unsigned(3, 2)
    writer.unsigned(13, 0)
    writer.stopBit()
    return writer.bytes
  }

  /// How the text of a topology of ours begins.
  static let topologyMark = "lowbit:"

  private static func topologyUnit(_ topology: [UInt8]?) -> [UInt8] {
    var writer = header(.topology)
    // topology_storage_format, topology_compression_format: unspecified, raw
    writer.unsigned(16, 0)
    writer.text(topology.map { topologyMark + Base64.text($0) } ?? "")
    return writer.bytes
  }

  private static func dataUnit(_ tensor: CodedTensor) -> [UInt8] {
    precondition(
      tensor.values.count == tensor.shape.reduce(1, *) && !tensor.values.isEmpty
        && tensor.values.allSatisfy { tensor.format.range.contains(Int($0)) },
      "'\(tensor.name)' has not the values that its shape and format promise")
    var writer = header(.data)
    // nnr_compressed_data_unit_payload_type: NNR_PT_INT
    writer.unsigned(5, 0)
    // nnr_multiple_topology_elements_present_flag, nnr_decompressed_data_format_present_flag,
    // input_parameters_present_flag
    writer.unsigned(3, 0b011)
    writer.text(tensor.name)
    // dq_flag
    writer.flag(false)
    writer.unsigned(7, tensor.format.rawValue)
    // tensor_dimensions_flag, cabac_unary_length_flag, compressed_parameter_types
    writer.unsigned(6, 0b11_0000)
    writer.unsignedGolomb(order: 1, tensor.shape.count)
    for extent in tensor.shape { writer.unsignedGolomb(order: 7, extent) }
    writer.unsigned(8, unaryLength - 1)
    if tensor.shape.count > 1 { writer.unsigned(4, 0) }  // scan_order
    writer.stopBit()
    return writer.bytes + WeightCoding.encode(tensor.values, unaryLength: unaryLength)
  }

  /// Flags before a remainder, as other encoders have it.
  static let unaryLength = 11
}

/// nnr_unit_type.
enum UnitType: Int {
  case start = 0
  case modelParameterSet = 1
  case layerParameterSet = 2
  case topology = 3
  case quantization = 4
  case data = 5
  case aggregate = 6
}
