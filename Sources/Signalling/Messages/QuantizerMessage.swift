/// Quantizers of a network, what they belong to, and how the network is computed: what the standards'
/// messages have no place for.
///
/// Version 1. The syntax is ours. It travels behind ``identifier`` in a
/// user_data_unregistered SEI message, or in the extension of an adaptation parameter set of VVC.
public struct QuantizerMessage: Sendable, Hashable {
  /// The UUID that marks our messages: the first 16 bytes of the SHA-256 of "LowBit quantizer message",
  /// made a UUID of version 8.
  public static let identifier: [UInt8] = [
    0x76, 0x69, 0x57, 0xad, 0x2c, 0xb5, 0x8f, 0x69, 0xb5, 0xa8, 0x13, 0x6e, 0x4e, 0x34, 0x31, 0xe8,
  ]

  /// The syntax's version that is written.
  public static let version = 1

  /// nnq_network_id: the nnpfc_id of the messages that carry the network's tensors.
  public var networkID: Int
  /// nnq_update_flag: whether what is not mentioned stays as the base has it.
  public var isUpdate: Bool
  /// nnq_arithmetic_mode.
  public var mode: ArithmeticMode
  /// nnq_accumulator_bits: the width that no sum of products exceeds, in any order; `nil` where it is
  /// not stated.
  public var accumulatorBits: Int?
  /// nnq_topology_crc: the CRC-32 of the network without what is signalled.
  public var topologyChecksum: UInt32
  /// The quantizers.
  public var quantizers: [SignalledQuantizer]
  /// Which tensor has which of ``quantizers``.
  public var associations: [QuantizerAssociation]
  /// nnq_model_crc: the CRC-32 of all signalled numbers of the whole network.
  public var modelChecksum: UInt32
  /// The MD5 of a filtered picture, 16 bytes.
  public var pictureHash: [UInt8]?

  /// A message.
  public init(
    networkID: Int, isUpdate: Bool = false, mode: ArithmeticMode, accumulatorBits: Int?,
    topologyChecksum: UInt32, quantizers: [SignalledQuantizer],
    associations: [QuantizerAssociation], modelChecksum: UInt32, pictureHash: [UInt8]? = nil
  ) {
    self.networkID = networkID
    self.isUpdate = isUpdate
    self.mode = mode
    self.accumulatorBits = accumulatorBits
    self.topologyChecksum = topologyChecksum
    self.quantizers = quantizers
    self.associations = associations
    self.modelChecksum = modelChecksum
    self.pictureHash = pictureHash
  }
}

/// What a tensor is to the layer that it belongs to.
public enum TensorKind: Int, Sendable, Hashable, CaseIterable {
  case activationIn = 0
  case kernel = 1
  case bias = 2
  case activationOut = 3
  case multiplier = 4
  case slope = 5

  /// The kind's name in JSON and in the names of tensors.
  public var name: String {
    switch self {
    case .activationIn: "input"
    case .kernel: "kernel"
    case .bias: "bias"
    case .activationOut: "output"
    case .multiplier: "multiplier"
    case .slope: "slope"
    }
  }
}

/// A quantizer belongs to a tensor: the n-th association of a layer and kind is its n-th operand of
/// that kind.
public struct QuantizerAssociation: Sendable, Hashable {
  /// The layer's number in the order in which the network runs; only nodes with quantizers count.
  public var layer: Int
  /// What the tensor is to the layer.
  public var kind: TensorKind
  /// Which operand of the kind.
  public var operand: Int
  /// The quantizer's place in ``QuantizerMessage/quantizers``.
  public var quantizer: Int

  /// An association.
  public init(layer: Int, kind: TensorKind, operand: Int = 0, quantizer: Int) {
    self.layer = layer
    self.kind = kind
    self.operand = operand
    self.quantizer = quantizer
  }
}

/// A quantizer in a message: one scale for a tensor, or one for each channel or group.
public struct SignalledQuantizer: Sendable, Hashable {
  /// The distances between neighbouring codes.
  public enum Scales: Sendable, Hashable {
    /// Exponents q of scales 2^-q.
    case shifts([Int])
    /// Scales in float32.
    case floats([Float])
  }

  /// Whether codes are two's complement numbers.
  public var isSigned: Bool
  /// Bits in which codes are stored, 1 to 32.
  public var bits: Int
  /// The number of codes that occur where it is less than 2^bits.
  public var levels: Int?
  /// The scales.
  public var scales: Scales
  /// The codes of zero, one for each scale; `nil` where all are 0.
  public var zeroPoints: [Int]?

  /// A quantizer.
  public init(
    isSigned: Bool, bits: Int, levels: Int? = nil, scales: Scales, zeroPoints: [Int]? = nil
  ) {
    self.isSigned = isSigned
    self.bits = bits
    self.levels = levels
    self.scales = scales
    self.zeroPoints = zeroPoints
  }

  /// The codes that the stored type has.
  public var codes: ClosedRange<Int> {
    isSigned ? -(1 << (bits - 1))...1 << (bits - 1) - 1 : 0...1 << bits - 1
  }
}

extension SignalledQuantizer.Scales {
  /// The exponents q that messages hold; other powers of two travel as floats.
  static let exponents = -100...100

  /// Powers of two as their exponents where all are and lie within 2^-100...2^100, else floats.
  public init(_ values: [Float]) {
    let shifts = values.compactMap(Self.shift)
    self = shifts.count == values.count ? .shifts(shifts) : .floats(values)
  }

  /// The scales in float32.
  public var values: [Float] {
    switch self {
    case .shifts(let shifts): shifts.map { Float(sign: .plus, exponent: -$0, significand: 1) }
    case .floats(let values): values
    }
  }

  /// The number of scales.
  public var count: Int {
    switch self {
    case .shifts(let shifts): shifts.count
    case .floats(let values): values.count
    }
  }

  private static func shift(of scale: Float) -> Int? {
    guard scale.isNormal, scale > 0, scale.significand == 1 else { return nil }
    let exponent = -Int(scale.exponent)
    return exponents.contains(exponent) ? exponent : nil
  }
}
