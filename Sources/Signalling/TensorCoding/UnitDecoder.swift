import Bitstream

/// Reads the units of a ``CompressedNetwork`` one after the other.
struct UnitDecoder {
  private var hasStart = false
  private var hasParameters = false
  private var found = CompressedNetwork.Content(tensors: [])
  private var names: Set<String> = []
  /// Elements that tensors to come may have.
  private var remaining: Int

  /// A decoder of tensors of at most `limit` elements together.
  init(limit: Int) { remaining = limit }

  /// Reads a unit's content, without its size.
  mutating func decode(_ content: [UInt8]) throws(BitstreamError) {
    var reader = BitReader(content)
    let code = try reader.unsigned(6, "nnr_unit_type")
    guard let type = UnitType(rawValue: code) else {
      throw reader.error("nnr_unit_type", "\(code) is reserved")
    }
    guard hasStart == (type != .start) else {
      throw reader.error(
        "nnr_unit_type", hasStart ? "a second start unit" : "the first unit is no start unit")
    }
    _ = try reader.flag("independently_decodable_flag")
    if try reader.flag("partial_data_counter_present_flag") {
      throw reader.error("partial_data_counter_present_flag", "units in parts are not supported")
    }
    switch type {
    case .start: try decodeStart(&reader)
    case .modelParameterSet: try decodeParameters(&reader)
    case .topology: try decodeTopology(&reader)
    case .data: found.tensors.append(try decodeTensor(&reader))
    case .layerParameterSet, .quantization, .aggregate:
      throw reader.error("nnr_unit_type", "units of type \(code) are not supported")
    }
  }

  /// What has been read.
  func finish() throws(BitstreamError) -> CompressedNetwork.Content {
    guard hasStart else {
      throw BitstreamError(byte: 0, element: "nnr_unit_type", "there is no start unit")
    }
    return found
  }

  private mutating func decodeStart(_ reader: inout BitReader) throws(BitstreamError) {
    let profile = try reader.unsigned(8, "general_profile_idc")
    guard profile == 0 else {
      throw reader.error("general_profile_idc", "profile \(profile) is not supported")
    }
    try reader.end("nnr_start_unit")
    hasStart = true
  }

  private mutating func decodeParameters(_ reader: inout BitReader) throws(BitstreamError) {
    guard try reader.unsigned(5, "mps_sparsification_flag") & 0b01111 == 0 else {
      throw reader.error("mps_sparsification_flag", "maps of performance are not supported")
    }
    let methods = try reader.unsigned(3, "mps_quantization_method_flags")
    if try reader.flag("mps_topology_indexed_reference_flag") {
      throw reader.error(
        "mps_topology_indexed_reference_flag", "references by index are not supported")
    }
    guard try reader.unsigned(7, "nnr_reserved_zero_7bits") == 0 else {
      throw reader.error("nnr_reserved_zero_7bits", "is not 0")
    }
    if methods & 3 != 0 {
      _ = try reader.unsigned(3, "mps_qp_density")
      _ = try reader.unsigned(13, "mps_quantization_parameter")
    }
    try reader.stopBit("byte_alignment")
    try reader.end("nnr_model_parameter_set_unit")
    hasParameters = true
  }

  /// A topology of ours; others are passed over.
  private mutating func decodeTopology(_ reader: inout BitReader) throws(BitstreamError) {
    let formats = try reader.unsigned(16, "topology_storage_format")
    let mark = Array(CompressedNetwork.topologyMark.utf8)
    guard formats == 0, reader.isNext(mark) else {
      _ = reader.rest()
      return
    }
    let text = try reader.text("topology_data")
    guard let bytes = Base64.bytes(String(text.dropFirst(mark.count))) else {
      throw reader.error("topology_data", "is not base64 behind its mark")
    }
    guard found.topology == nil else {
      throw reader.error("nnr_unit_type", "a second topology")
    }
    try reader.end("nnr_topology_unit")
    found.topology = bytes
  }

  private mutating func decodeTensor(
    _ reader: inout BitReader
  ) throws(BitstreamError) -> CodedTensor {
    guard hasParameters else {
      throw reader.error("nnr_unit_type", "data come before a model parameter set")
    }
    let payloadType = try reader.unsigned(5, "nnr_compressed_data_unit_payload_type")
    guard payloadType == 0 else {
      throw reader.error(
        "nnr_compressed_data_unit_payload_type",
        "payloads of type \(payloadType) are not supported, only integers (0)")
    }
    if try reader.flag("nnr_multiple_topology_elements_present_flag") {
      throw reader.error(
        "nnr_multiple_topology_elements_present_flag", "several tensors in a unit are not supported"
      )
    }
    let hasFormat = try reader.flag("nnr_decompressed_data_format_present_flag")
    guard try reader.flag("input_parameters_present_flag") else {
      throw reader.error("input_parameters_present_flag", "shapes from elsewhere are not supported")
    }
    let name = try reader.text("topology_elem_id")
    guard names.insert(name).inserted else {
      throw reader.error("topology_elem_id", "the tensor '\(name)' comes a second time")
    }
    return try inside("tensor '\(name)'") { () throws(BitstreamError) in
      try decodeTensor(name, hasFormat: hasFormat, &reader)
    }
  }

  private mutating func decodeTensor(
    _ name: String, hasFormat: Bool, _ reader: inout BitReader
  ) throws(BitstreamError) -> CodedTensor {
    if try reader.flag("dq_flag") {
      throw reader.error("dq_flag", "dependent quantization of integers")
    }
    var format = CodedFormat.int32
    if hasFormat {
      let code = try reader.unsigned(7, "nnr_decompressed_data_format")
      guard let known = CodedFormat(rawValue: code) else {
        throw reader.error("nnr_decompressed_data_format", "format \(code) holds no such integers")
      }
      format = known
    }
    let shape = try decodeShape(&reader)
    let count = shape.extents.reduce(1, *)
    remaining -= count
    let coded = WeightSpan(start: reader.byte, bytes: reader.rest())
    let values = try coded.decode(count: count, shape.unaryLength)
    if let wrong = values.firstIndex(where: { !format.range.contains(Int($0)) }) {
      throw reader.error(
        "coded weights",
        "element \(wrong) is \(values[wrong]), which \(format.bits) bits do not hold")
    }
    return CodedTensor(name: name, shape: shape.extents, format: format, values: values)
  }

  /// The dimensions, and how many flags come before a remainder.
  private func decodeShape(
    _ reader: inout BitReader
  ) throws(BitstreamError) -> (extents: [Int], unaryLength: Int) {
    guard try reader.flag("tensor_dimensions_flag") else {
      throw reader.error("tensor_dimensions_flag", "shapes from elsewhere are not supported")
    }
    let hasLength = try reader.flag("cabac_unary_length_flag")
    guard try reader.unsigned(4, "compressed_parameter_types") == 0 else {
      throw reader.error("compressed_parameter_types", "decomposed tensors are not supported")
    }
    let rank = try reader.unsignedGolomb(order: 1, "count_tensor_dimensions")
    guard (1...CompressedNetwork.mostDimensions).contains(rank) else {
      throw reader.error(
        "count_tensor_dimensions",
        "\(rank) dimensions are not within 1...\(CompressedNetwork.mostDimensions)")
    }
    var extents: [Int] = []
    var count = 1
    for _ in 0..<rank {
      let extent = try reader.unsignedGolomb(order: 7, "tensor_dimensions")
      count *= extent
      guard extent > 0 else { throw reader.error("tensor_dimensions", "an extent is 0") }
      guard count <= remaining else {
        throw reader.error(
          "tensor_dimensions",
          "\(count) elements or more, where at most \(remaining) are left to the stream's tensors")
      }
      extents.append(extent)
    }
    let length = hasLength ? try reader.unsigned(8, "cabac_unary_length_minus1") : 10
    if rank > 1, try reader.unsigned(4, "scan_order") != 0 {
      throw reader.error("scan_order", "only row by row is supported")
    }
    try reader.stopBit("byte_alignment")
    return (extents, length + 1)
  }
}

/// The arithmetic code of a tensor and where it begins in its unit.
private struct WeightSpan {
  var start: Int
  var bytes: [UInt8]

  func decode(count: Int, _ unaryLength: Int) throws(BitstreamError) -> [Int32] {
    try inside("coded from byte \(start)") { () throws(BitstreamError) in
      try WeightCoding.decode(bytes, count: count, unaryLength: unaryLength)
    }
  }
}
