public import Bitstream

extension QuantizerMessage {
  /// The message's bytes, without ``identifier``.
  ///
  /// - Precondition: ``associations`` stand in the order of their layers, and every quantizer with codes
  ///   of zero has as many as scales.
  public var bytes: [UInt8] {
    var writer = BitWriter()
    writer.unsigned(8, Self.version)
    writer.unsignedGolomb(networkID)
    writer.flag(isUpdate)
    writer.unsigned(3, mode.rawValue)
    writer.unsigned(6, accumulatorBits ?? 0)
    writer.unsigned(32, Int(topologyChecksum))
    writer.unsignedGolomb(quantizers.count)
    for quantizer in quantizers { quantizer.write(to: &writer) }
    writer.unsignedGolomb(associations.count)
    var layer = 0
    var unused = 0
    for association in associations {
      writer.unsignedGolomb(association.layer - layer)
      layer = association.layer
      writer.unsigned(3, association.kind.rawValue)
      writer.unsignedGolomb(association.operand)
      writer.flag(association.quantizer == unused)
      if association.quantizer == unused {
        unused += 1
      } else {
        writer.unsignedGolomb(association.quantizer)
      }
    }
    writer.unsigned(32, Int(modelChecksum))
    writer.flag(pictureHash != nil)
    if let pictureHash { writer.appendUnaligned(pictureHash) }
    writer.stopBit()
    return writer.bytes
  }

  /// Reads a message.
  public init(_ bytes: [UInt8]) throws(BitstreamError) {
    var reader = BitReader(bytes)
    let version = try reader.unsigned(8, "nnq_version")
    guard version == Self.version else {
      throw reader.error("nnq_version", "version \(version) is not known, \(Self.version) is")
    }
    let networkID = try reader.unsignedGolomb("nnq_network_id")
    let isUpdate = try reader.flag("nnq_update_flag")
    let code = try reader.unsigned(3, "nnq_arithmetic_mode")
    guard let mode = ArithmeticMode(rawValue: code) else {
      throw reader.error("nnq_arithmetic_mode", "\(code) is reserved")
    }
    let accumulatorBits = try reader.unsigned(6, "nnq_accumulator_bits")
    let topology = try reader.unsigned(32, "nnq_topology_crc")
    let quantizers = try Self.readQuantizers(&reader)
    let associations = try Self.readAssociations(&reader, quantizers: quantizers.count)
    let model = try reader.unsigned(32, "nnq_model_crc")
    var hash: [UInt8]?
    if try reader.flag("nnq_picture_hash_flag") {
      var bytes: [UInt8] = []
      for _ in 0..<16 { bytes.append(UInt8(try reader.unsigned(8, "nnq_picture_md5"))) }
      hash = bytes
    }
    try reader.stopBit("nnq_alignment")
    try reader.end("nnq_alignment")
    self.init(
      networkID: networkID, isUpdate: isUpdate, mode: mode,
      accumulatorBits: accumulatorBits == 0 ? nil : accumulatorBits,
      topologyChecksum: UInt32(topology), quantizers: quantizers, associations: associations,
      modelChecksum: UInt32(model), pictureHash: hash)
    try checkWidths()
    try checkShifts()
  }

  private static func readQuantizers(
    _ reader: inout BitReader
  ) throws(BitstreamError) -> [SignalledQuantizer] {
    let count = try reader.unsignedGolomb("nnq_num_quantizers")
    // No quantizer takes fewer than ten bits.
    guard count <= reader.remaining / 10 else {
      throw reader.error("nnq_num_quantizers", "the message has no room for \(count)")
    }
    var quantizers: [SignalledQuantizer] = []
    for number in 0..<count {
      quantizers.append(
        try inside("quantizer \(number)") { () throws(BitstreamError) in
          try SignalledQuantizer(from: &reader)
        })
    }
    return quantizers
  }

  private static func readAssociations(
    _ reader: inout BitReader, quantizers: Int
  ) throws(BitstreamError) -> [QuantizerAssociation] {
    let count = try reader.unsignedGolomb("nnq_num_associations")
    // No association takes fewer than six bits.
    guard count <= reader.remaining / 6 else {
      throw reader.error("nnq_num_associations", "the message has no room for \(count)")
    }
    var associations: [QuantizerAssociation] = []
    var layer = 0
    var unused = 0
    for _ in 0..<count {
      layer += try reader.unsignedGolomb(in: 0...1 << 24, "nnq_layer_delta")
      let code = try reader.unsigned(3, "nnq_tensor_kind")
      guard let kind = TensorKind(rawValue: code) else {
        throw reader.error("nnq_tensor_kind", "\(code) is reserved")
      }
      let operand = try reader.unsignedGolomb(in: 0...1 << 16, "nnq_operand")
      var quantizer = unused
      if try reader.flag("nnq_next_quantizer_flag") {
        unused += 1
      } else {
        quantizer = try reader.unsignedGolomb("nnq_quantizer_index")
      }
      guard quantizer < quantizers else {
        throw reader.error("nnq_quantizer_index", "there is no quantizer \(quantizer)")
      }
      associations.append(
        QuantizerAssociation(layer: layer, kind: kind, operand: operand, quantizer: quantizer))
    }
    return associations
  }
}

extension SignalledQuantizer {
  fileprivate func write(to writer: inout BitWriter) {
    writer.flag(isSigned)
    writer.unsigned(5, bits - 1)
    writer.flag(levels != nil)
    if let levels { writer.unsignedGolomb(levels - 2) }
    switch scales {
    case .shifts(let shifts):
      writer.flag(false)
      writer.unsignedGolomb(shifts.count - 1)
      var previous = 0
      for shift in shifts {
        writer.signedGolomb(shift - previous)
        previous = shift
      }
    case .floats(let values):
      writer.flag(true)
      writer.unsignedGolomb(values.count - 1)
      for value in values { writer.unsigned(32, Int(value.bitPattern)) }
    }
    writer.flag(zeroPoints != nil)
    for zeroPoint in zeroPoints ?? [] { writer.signedGolomb(zeroPoint) }
  }

  fileprivate init(from reader: inout BitReader) throws(BitstreamError) {
    let isSigned = try reader.flag("nnq_signed_flag")
    let bits = try reader.unsigned(5, "nnq_bits_minus1") + 1
    var levels: Int?
    if try reader.flag("nnq_levels_flag") {
      levels = try reader.unsignedGolomb("nnq_levels_minus2") + 2
    }
    let isFloat = try reader.flag("nnq_float_scale_flag")
    let count = try reader.unsignedGolomb("nnq_num_scales_minus1") + 1
    guard count <= reader.remaining / (isFloat ? 32 : 1) else {
      throw reader.error("nnq_num_scales_minus1", "the message has no room for \(count) scales")
    }
    let scales: Scales =
      isFloat
      ? .floats(try Self.readFloats(count, &reader)) : .shifts(try Self.readShifts(count, &reader))
    var zeroPoints: [Int]?
    if try reader.flag("nnq_zero_point_flag") {
      var values: [Int] = []
      for _ in 0..<count { values.append(try reader.signedGolomb("nnq_zero_point")) }
      zeroPoints = values
    }
    self.init(
      isSigned: isSigned, bits: bits, levels: levels, scales: scales, zeroPoints: zeroPoints)
    if let levels, levels > 1 << bits {
      throw reader.error("nnq_levels_minus2", "\(levels) levels do not fit \(bits) bits")
    }
    if let wrong = zeroPoints?.first(where: { !codes.contains($0) }) {
      throw reader.error("nnq_zero_point", "\(wrong) is no code of \(bits) bits")
    }
  }

  private static func readShifts(
    _ count: Int, _ reader: inout BitReader
  ) throws(BitstreamError) -> [Int] {
    var shifts: [Int] = []
    var shift = 0
    for _ in 0..<count {
      shift += try reader.signedGolomb("nnq_shift")
      guard Scales.exponents.contains(shift) else {
        let known = Scales.exponents
        throw reader.error(
          "nnq_shift", "\(shift) is not within \(known.lowerBound)...\(known.upperBound)")
      }
      shifts.append(shift)
    }
    return shifts
  }

  private static func readFloats(
    _ count: Int, _ reader: inout BitReader
  ) throws(BitstreamError) -> [Float] {
    var values: [Float] = []
    for _ in 0..<count {
      let value = Float(bitPattern: UInt32(try reader.unsigned(32, "nnq_scale")))
      guard value.isFinite, value > 0 else {
        throw reader.error("nnq_scale", "\(value) is no scale")
      }
      values.append(value)
    }
    return values
  }
}
