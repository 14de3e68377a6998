public import Bitstream

/// The activation of a neural-network post-filter: payload type 211 of ITU-T H.274, version 4.
public struct PostFilterActivation: Sendable, Hashable {
  /// nnpfa_target_id: the nnpfc_id of the filter.
  public var target: Int
  /// nnpfa_cancel_flag: ends an activation that persists; what follows is not present then.
  public var cancels: Bool
  /// nnpfa_persistence_flag: for this picture and those that follow, else for this one.
  public var persists: Bool
  /// nnpfa_target_base_flag: the base itself, not what updates made of it.
  public var targetsBase: Bool
  /// nnpfa_no_prev_clvs_flag: not with pictures of the sequence before.
  public var excludesPrevious: Bool
  /// nnpfa_no_foll_clvs_flag: not with pictures of the sequence that follows.
  public var excludesFollowing: Bool

  /// An activation.
  public init(
    target: Int, cancels: Bool = false, persists: Bool = true, targetsBase: Bool = false,
    excludesPrevious: Bool = false, excludesFollowing: Bool = false
  ) {
    self.target = target
    self.cancels = cancels
    self.persists = persists
    self.targetsBase = targetsBase
    self.excludesPrevious = excludesPrevious
    self.excludesFollowing = excludesFollowing
  }

  /// The message's payload.
  public var bytes: [UInt8] {
    var writer = BitWriter()
    writer.unsignedGolomb(target)
    writer.flag(cancels)
    if !cancels {
      writer.flag(persists)
      writer.flag(targetsBase)
      writer.flag(excludesPrevious)
      if persists { writer.flag(excludesFollowing) }
      // nnpfa_num_output_entries
      writer.unsignedGolomb(0)
      // nnpfa_prompt_update_flag, nnpfa_seed_update_flag, nnpfa_selected_input_flag: written though
      // they are 0, because readers of version 4 would take the bits of the alignment for them.
      writer.unsigned(3, 0)
    }
    if !writer.isAligned { writer.stopBit() }
    return writer.bytes
  }

  /// Reads a payload.
  public init(_ bytes: [UInt8]) throws(BitstreamError) {
    var reader = BitReader(bytes)
    self.init(
      target: try reader.unsignedGolomb("nnpfa_target_id"),
      cancels: try reader.flag("nnpfa_cancel_flag"), persists: false)
    guard PostFilterCharacteristics.isUsable(identifier: target) else {
      throw reader.error("nnpfa_target_id", "\(target) is reserved")
    }
    if !cancels {
      persists = try reader.flag("nnpfa_persistence_flag")
      targetsBase = try reader.flag("nnpfa_target_base_flag")
      excludesPrevious = try reader.flag("nnpfa_no_prev_clvs_flag")
      if persists { excludesFollowing = try reader.flag("nnpfa_no_foll_clvs_flag") }
      let entries = try reader.unsignedGolomb("nnpfa_num_output_entries")
      guard entries <= reader.remaining else {
        throw reader.error("nnpfa_num_output_entries", "the message has not \(entries) flags")
      }
      for _ in 0..<entries { _ = try reader.flag("nnpfa_output_flag") }
      for element in [
        "nnpfa_prompt_update_flag", "nnpfa_seed_update_flag", "nnpfa_selected_input_flag",
      ] {
        guard try !reader.flag(element) else {
          throw reader.error(
            element, "filters with prompts, seeds or several inputs are not supported")
        }
      }
    }
    if !reader.isAligned { try reader.stopBit("sei_payload_bit_equal_to_one") }
    try reader.end("nn_post_filter_activation")
  }
}
