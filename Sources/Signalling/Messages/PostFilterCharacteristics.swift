/// The characteristics of a neural-network post-filter: payload type 210 of ITU-T H.274.
///
/// Of what a filter may do, this holds what a filter of pictures in place needs: no change of size, rate,
/// bit depth or colour format.
public struct PostFilterCharacteristics: Sendable, Hashable {
  /// Where the network's numbers are.
  public enum Payload: Sendable, Hashable {
    /// nnpfc_mode_idc 0: a stream of ISO/IEC 15938-17.
    case stream([UInt8])
    /// nnpfc_mode_idc 1: at a URI, in the format that a tag URI names.
    case uri(tag: String, uri: String)
  }

  /// nnpfc_purpose: 0 as the application knows, 1 better pictures.
  public var purpose: Int
  /// nnpfc_id, within 0...255 or 512...2^31 - 1.
  public var identifier: Int
  /// nnpfc_base_flag: a filter of its own, else an update of the base with the same identifier.
  public var isBase: Bool
  /// The network's numbers.
  public var payload: Payload
  /// What goes in and comes out; every base has it.
  public var property: PostFilterProperty?

  /// Characteristics.
  public init(
    purpose: Int = 1, identifier: Int, isBase: Bool, payload: Payload,
    property: PostFilterProperty? = nil
  ) {
    self.purpose = purpose
    self.identifier = identifier
    self.isBase = isBase
    self.payload = payload
    self.property = property
  }

  /// Whether decoders take notice of an identifier: the others are reserved.
  public static func isUsable(identifier: Int) -> Bool {
    (0...255).contains(identifier) || (512...1 << 31 - 1).contains(identifier)
  }
}

/// What a post-filter reads and writes.
public struct PostFilterProperty: Sendable, Hashable {
  /// nnpfc_inp_order_idc and nnpfc_out_order_idc: the channels of a tensor.
  public enum Order: Int, Sendable, Hashable, CaseIterable {
    /// Luma, one channel.
    case luma = 0
    /// Both chroma components, two channels.
    case chroma = 1
    /// Luma and chroma, three channels.
    case all = 2
    /// Four luma samples each and both chroma components, six channels.
    case interleaved = 3

    /// The number of channels.
    public var channels: Int { [1, 2, 3, 6][rawValue] }
    var hasLuma: Bool { self != .chroma }
    var hasChroma: Bool { self != .luma }
  }

  /// Samples as reals from 0 to 1 or, with their depth, as integers.
  public enum Format: Sendable, Hashable {
    case real
    case integer(bits: Int)
  }

  /// nnpfc_complexity_info_present_flag and what follows it.
  public struct Complexity: Sendable, Hashable {
    /// nnpfc_parameter_type_idc: 0 integers, 1 floats or integers, 2 binary.
    public var parameterType: Int
    /// Bits that no parameter exceeds: 8, 16, 32 or 64; `nil` for binary parameters.
    public var parameterBits: Int?
    /// nnpfc_num_parameters_idc: 0, or n where there are at most (2048 << n) - 1 parameters.
    public var parametersIDC: Int
    /// nnpfc_num_kmac_operations_idc: thousands of multiplications a sample, 0 where unknown.
    public var kiloMultiplications: Int
    /// nnpfc_total_kilobyte_size: 0 where unknown.
    public var kilobytes: Int

    /// A complexity.
    public init(
      parameterType: Int = 0, parameterBits: Int? = 8, parametersIDC: Int = 0,
      kiloMultiplications: Int = 0, kilobytes: Int = 0
    ) {
      self.parameterType = parameterType
      self.parameterBits = parameterBits
      self.parametersIDC = parametersIDC
      self.kiloMultiplications = kiloMultiplications
      self.kilobytes = kilobytes
    }
  }

  /// nnpfc_patch_width_minus1 + 1 and nnpfc_patch_height_minus1 + 1, or what both are multiples of.
  public struct Patch: Sendable, Hashable {
    /// Samples in a row.
    public var width: Int
    /// Rows.
    public var height: Int
    /// nnpfc_constant_patch_size_flag: whether patches have this size, else any multiple of it.
    public var isConstant: Bool

    /// A patch.
    public init(width: Int = 1, height: Int = 1, isConstant: Bool = false) {
      self.width = width
      self.height = height
      self.isConstant = isConstant
    }
  }

  /// nnpfc_component_last_flag: channels last.
  public var channelsLast: Bool
  /// nnpfc_inp_order_idc.
  public var inputOrder: Order
  /// nnpfc_inp_format_idc.
  public var inputFormat: Format
  /// nnpfc_out_order_idc.
  public var outputOrder: Order
  /// nnpfc_out_format_idc.
  public var outputFormat: Format
  /// nnpfc_overlap: samples at the border of a patch that are computed for nothing.
  public var overlap: Int
  /// What the filter is applied to at once.
  public var patch: Patch
  /// nnpfc_padding_type: 0 zero, 1 replicate, 2 reflect, 3 wrap.
  public var padding: Int
  /// How large and how costly the network is.
  public var complexity: Complexity?

  /// A property.
  public init(
    channelsLast: Bool = false, inputOrder: Order, inputFormat: Format = .real,
    outputOrder: Order, outputFormat: Format = .real, overlap: Int = 0,
    patch: Patch = Patch(), padding: Int = 0, complexity: Complexity? = nil
  ) {
    self.channelsLast = channelsLast
    self.inputOrder = inputOrder
    self.inputFormat = inputFormat
    self.outputOrder = outputOrder
    self.outputFormat = outputFormat
    self.overlap = overlap
    self.patch = patch
    self.padding = padding
    self.complexity = complexity
  }
}
