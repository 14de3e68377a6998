public import Bitstream

extension PostFilterCharacteristics {
  /// The message's payload.
  public var bytes: [UInt8] {
    var writer = BitWriter()
    writer.unsigned(16, purpose)
    writer.unsignedGolomb(identifier)
    writer.flag(isBase)
    switch payload {
    case .stream: writer.unsignedGolomb(0)
    case .uri(let tag, let uri):
      writer.unsignedGolomb(1)
      writer.align(with: 0)
      writer.text(tag)
      writer.text(uri)
    }
    writer.flag(property != nil)
    property?.write(to: &writer)
    if case .stream(let bytes) = payload {
      writer.align(with: 0)
      writer.append(bytes)
    } else if !writer.isAligned {
      writer.stopBit()
    }
    return writer.bytes
  }

  /// Reads a payload.
  public init(_ bytes: [UInt8]) throws(BitstreamError) {
    var reader = BitReader(bytes)
    purpose = try reader.unsigned(16, "nnpfc_purpose")
    guard purpose <= 1 else {
      throw reader.error(
        "nnpfc_purpose", "\(purpose): filters that change sizes, rates or formats are not supported"
      )
    }
    identifier = try reader.unsignedGolomb("nnpfc_id")
    guard Self.isUsable(identifier: identifier) else {
      throw reader.error("nnpfc_id", "\(identifier) is reserved")
    }
    isBase = try reader.flag("nnpfc_base_flag")
    let mode = try reader.unsignedGolomb(in: 0...1, "nnpfc_mode_idc")
    var place: (tag: String, uri: String)?
    if mode == 1 {
      try reader.alignment(of: 0, "nnpfc_alignment_zero_bit_a")
      place = (try reader.text("nnpfc_tag_uri"), try reader.text("nnpfc_uri"))
    }
    let hasProperty = try reader.flag("nnpfc_property_present_flag")
    guard hasProperty || !isBase else {
      throw reader.error("nnpfc_property_present_flag", "a base without properties")
    }
    property = hasProperty ? try PostFilterProperty(from: &reader) : nil
    if let place {
      payload = .uri(tag: place.tag, uri: place.uri)
      if !reader.isAligned { try reader.stopBit("sei_payload_bit_equal_to_one") }
      try reader.end("nn_post_filter_characteristics")
    } else {
      try reader.alignment(of: 0, "nnpfc_alignment_zero_bit_b")
      payload = .stream(reader.rest())
    }
  }
}

extension PostFilterProperty {
  fileprivate func write(to writer: inout BitWriter) {
    // nnpfc_num_input_pics_minus1
    writer.unsignedGolomb(0)
    writer.flag(channelsLast)
    writer.unsignedGolomb(inputFormat == .real ? 0 : 1)
    // nnpfc_auxiliary_inp_idc
    writer.unsignedGolomb(0)
    writer.unsignedGolomb(inputOrder.rawValue)
    inputFormat.writeDepths(inputOrder, to: &writer)
    writer.unsignedGolomb(outputFormat == .real ? 0 : 1)
    writer.unsignedGolomb(outputOrder.rawValue)
    outputFormat.writeDepths(outputOrder, to: &writer)
    // nnpfc_separate_colour_description_present_flag
    writer.flag(false)
    // nnpfc_chroma_loc_info_present_flag
    if outputOrder.hasChroma { writer.flag(false) }
    writer.unsignedGolomb(overlap)
    writer.flag(patch.isConstant)
    writer.unsignedGolomb(patch.width - 1)
    writer.unsignedGolomb(patch.height - 1)
    writer.unsignedGolomb(padding)
    writer.flag(complexity != nil)
    if let complexity {
      writer.unsigned(2, complexity.parameterType)
      if let bits = complexity.parameterBits, complexity.parameterType != 2 {
        writer.unsigned(2, bits.trailingZeroBitCount - 3)
      }
      writer.unsigned(6, complexity.parametersIDC)
      writer.unsignedGolomb(complexity.kiloMultiplications)
      writer.unsignedGolomb(complexity.kilobytes)
    }
    // nnpfc_metadata_extension_num_bits
    writer.unsignedGolomb(0)
  }

  fileprivate init(from reader: inout BitReader) throws(BitstreamError) {
    _ = try reader.unsignedGolomb(in: 0...0, "nnpfc_num_input_pics_minus1")
    let channelsLast = try reader.flag("nnpfc_component_last_flag")
    let isInteger = try reader.unsignedGolomb(in: 0...1, "nnpfc_inp_format_idc") == 1
    _ = try reader.unsignedGolomb(in: 0...0, "nnpfc_auxiliary_inp_idc")
    let input = try Order(from: &reader, "nnpfc_inp_order_idc")
    let inputFormat = isInteger ? try Format(depthsOf: input, from: &reader, "inp") : .real
    let writesIntegers = try reader.unsignedGolomb(in: 0...1, "nnpfc_out_format_idc") == 1
    let output = try Order(from: &reader, "nnpfc_out_order_idc")
    let outputFormat = writesIntegers ? try Format(depthsOf: output, from: &reader, "out") : .real
    if try reader.flag("nnpfc_separate_colour_description_present_flag") {
      _ = try reader.unsigned(16, "nnpfc_colour_primaries")
      if writesIntegers { _ = try reader.unsigned(9, "nnpfc_matrix_coeffs") }
    }
    if output.hasChroma, try reader.flag("nnpfc_chroma_loc_info_present_flag") {
      _ = try reader.unsignedGolomb("nnpfc_chroma_sample_loc_type_frame")
    }
    let overlap = try reader.unsignedGolomb(in: 0...16383, "nnpfc_overlap")
    let isConstant = try reader.flag("nnpfc_constant_patch_size_flag")
    let width = try reader.unsignedGolomb(in: 0...32766, "nnpfc_patch_width_minus1") + 1
    let height = try reader.unsignedGolomb(in: 0...32766, "nnpfc_patch_height_minus1") + 1
    let padding = try reader.unsignedGolomb(in: 0...3, "nnpfc_padding_type")
    let complexity =
      try reader.flag("nnpfc_complexity_info_present_flag") ? try Complexity(from: &reader) : nil
    let extra = try reader.unsignedGolomb("nnpfc_metadata_extension_num_bits")
    guard extra <= reader.remaining else {
      throw reader.error("nnpfc_metadata_extension_num_bits", "the message has not \(extra) bits")
    }
    for _ in 0..<extra { _ = try reader.flag("nnpfc_reserved_metadata_extension") }
    self.init(
      channelsLast: channelsLast, inputOrder: input, inputFormat: inputFormat,
      outputOrder: output, outputFormat: outputFormat, overlap: overlap,
      patch: Patch(width: width, height: height, isConstant: isConstant), padding: padding,
      complexity: complexity)
  }
}

extension PostFilterProperty.Order {
  fileprivate init(
    from reader: inout BitReader, _ element: String
  ) throws(BitstreamError) {
    let code = try reader.unsignedGolomb(in: 0...3, element)
    self = Self.allCases[code]
  }
}

extension PostFilterProperty.Format {
  /// nnpfc_..._tensor_luma_bitdepth_minus8 and its like for chroma.
  fileprivate func writeDepths(_ order: PostFilterProperty.Order, to writer: inout BitWriter) {
    guard case .integer(let bits) = self else { return }
    if order.hasLuma { writer.unsignedGolomb(bits - 8) }
    if order.hasChroma { writer.unsignedGolomb(bits - 8) }
  }

  fileprivate init(
    depthsOf order: PostFilterProperty.Order, from reader: inout BitReader, _ name: String
  ) throws(BitstreamError) {
    var depths: [Int] = []
    for component in (order.hasLuma ? ["luma"] : []) + (order.hasChroma ? ["chroma"] : []) {
      depths.append(
        try 8
          + reader.unsignedGolomb(in: 0...24, "nnpfc_\(name)_tensor_\(component)_bitdepth_minus8"))
    }
    guard Set(depths).count == 1 else {
      throw reader.error(
        "nnpfc_\(name)_tensor_chroma_bitdepth_minus8",
        "depths of luma and chroma that differ are not supported")
    }
    self = .integer(bits: depths[0])
  }
}

extension PostFilterProperty.Complexity {
  fileprivate init(from reader: inout BitReader) throws(BitstreamError) {
    let type = try reader.unsigned(2, "nnpfc_parameter_type_idc")
    guard type < 3 else { throw reader.error("nnpfc_parameter_type_idc", "3 is reserved") }
    self.init(
      parameterType: type,
      parameterBits: type == 2
        ? nil : 8 << (try reader.unsigned(2, "nnpfc_log2_parameter_bit_length_minus3")),
      parametersIDC: try reader.unsigned(6, "nnpfc_num_parameters_idc"),
      kiloMultiplications: try reader.unsignedGolomb("nnpfc_num_kmac_operations_idc"),
      kilobytes: try reader.unsignedGolomb("nnpfc_total_kilobyte_size"))
  }
}
